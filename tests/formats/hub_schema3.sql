PRAGMA application_id = 1684630887;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE attached (
	entry INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	PRIMARY KEY (entry, name), 
	FOREIGN KEY(entry) REFERENCES entries (seq)
);
INSERT INTO "attached" VALUES(11,'x','25bc6f78b121a07272cc30e64fcac1bafac8b7fe6c72fdf8526caf15a4c6b7b9');
INSERT INTO "attached" VALUES(12,'x','25bc6f78b121a07272cc30e64fcac1bafac8b7fe6c72fdf8526caf15a4c6b7b9');
INSERT INTO "attached" VALUES(13,'y','30da2826a39aee42b1ecc8c8f5ad1f503e430566b03e3b13655a94915f012b00');
INSERT INTO "attached" VALUES(14,'y','30da2826a39aee42b1ecc8c8f5ad1f503e430566b03e3b13655a94915f012b00');
CREATE TABLE claims (
	job VARCHAR(64) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	worker VARCHAR(64) NOT NULL, 
	attempts INTEGER NOT NULL, 
	until FLOAT NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (job)
);
CREATE TABLE entries (
	seq INTEGER NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	author VARCHAR(100) NOT NULL, 
	agent BOOLEAN NOT NULL, 
	time VARCHAR(40) NOT NULL, 
	visibility VARCHAR(16) NOT NULL, 
	until VARCHAR(10) NOT NULL, 
	title TEXT NOT NULL, 
	name TEXT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	"key" VARCHAR(128), 
	reuse VARCHAR(64), 
	links TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	content TEXT, 
	origin TEXT, 
	PRIMARY KEY (seq), 
	UNIQUE (id)
);
INSERT INTO "entries" VALUES(1,'f9d8b99b2c4522d6605984c3a5f79edb4c7529c10661eee48a7cb487cfbe857f','question','anna',0,'2026-11-28T19:31:49.390+00:00','open','','How fast?','','',NULL,NULL,'[]','3c79bd841f73e12fb60458b3ceb8141aa4222a7620e77954490d3ca0a96fca69','{"text":"How fast?"}',NULL);
INSERT INTO "entries" VALUES(2,'7c932371575eda23c5422e305eda297313e51d1b4e9cf9d24bd93fe3532606ad','run','anna',0,'2026-11-28T19:31:49.405+00:00','open','','film','film','ok','a','f5538cb35db339a33b3e924967a15513ac95a8ebc3180b78aef732dc0a68c142','[]','88cd912698ac88a81dad73719a084e926ffb1ebf5b024e7e923d1b1d456e30b6','{"errors":{},"inputs":{"D":{"unit":"m^2/s","value":1e-13},"l":{"unit":"mm","value":1.0}},"kernel":"film","key":"a","outputs":{"c":{"unit":"kg/m^3","value":0.5}},"provenance":{"version":"1"},"reason":"","seed":null,"status":"ok","tier":"fine","wall_seconds":0.0}',NULL);
INSERT INTO "entries" VALUES(3,'a05c4ae52e02c90c157cd8cdad8ffef3f798d542617bc3f82929ed256b9b3194','run','anna',0,'2026-11-28T19:31:49.405+00:00','open','','film','film','ok',NULL,'b6f31d1aa5bb50e65ef2ebf8414856e3784016c1ae4eb0d80d063d3d77204d80','[]','f4e588081527e51432fed1a969620e79a6f47e41706144d3fdf4180b0357bc2c','{"errors":{},"inputs":{"D":{"unit":"m^2/s","value":1e-13},"l":{"unit":"mm","value":2.0}},"kernel":"film","key":"","outputs":{"c":{"unit":"kg/m^3","value":0.5}},"provenance":{"version":"1"},"reason":"","seed":null,"status":"ok","tier":"fine","wall_seconds":0.0}',NULL);
INSERT INTO "entries" VALUES(4,'5670830df10f59fce4522c88b970627bab410276f0ac6965093fee3def9764a0','law','anna',0,'2026-11-28T19:31:50.603+00:00','open','','l','','',NULL,NULL,'[["derived", "7c932371575eda23c5422e305eda297313e51d1b4e9cf9d24bd93fe3532606ad"]]','06e9b53dfd5b27e857e0d13876bd3d484dd85f00338bd3096008aff6745e8c5e','{"text":"l"}',NULL);
INSERT INTO "entries" VALUES(5,'698d831ee0c7892ed2bfccc33358bcb4af50c444c400ca79a85b284193fb3697','answer','anna',0,'2026-11-28T19:31:50.618+00:00','open','','two','','',NULL,NULL,'[["answers", "f9d8b99b2c4522d6605984c3a5f79edb4c7529c10661eee48a7cb487cfbe857f"], ["derived", "5670830df10f59fce4522c88b970627bab410276f0ac6965093fee3def9764a0"]]','d039f9902822fcdcc6f5c05a7b694296f03ff409e2c30aa401d8eb2f2f55db5f','{"text":"two"}',NULL);
INSERT INTO "entries" VALUES(6,'41458f6636735d5f678e8d67b6792f8ed76d5e539c577732d7418db88e7fd748','law','anna',0,'2026-11-28T19:31:50.625+00:00','open','','weak','','',NULL,NULL,'[]','b79397e4ecfb3cb0f03588a6183f0a50691030deaeabb14df8e05da95900aea3','{"confirmed":false,"text":"weak","why_not":["Structure."]}',NULL);
INSERT INTO "entries" VALUES(7,'8b8effcefe0a0ee5f9945330abf6f515b94b4101cdfb6e7a23ce6b20b651b990','question','anna',0,'2026-11-28T19:31:50.629+00:00','open','','How slow?','','',NULL,NULL,'[]','20749b57ed9378cf10411058f2f8f44ee7df5f3cbcfa20250d06991ba714172f','{"text":"How slow?"}',NULL);
INSERT INTO "entries" VALUES(8,'6234a98d3c28e31941cb67d102c2aae506fa93d5dbeb1f5412c946be1fadb38a','answer','anna',0,'2026-11-28T19:31:50.638+00:00','open','','x','','',NULL,NULL,'[["answers", "8b8effcefe0a0ee5f9945330abf6f515b94b4101cdfb6e7a23ce6b20b651b990"], ["derived", "41458f6636735d5f678e8d67b6792f8ed76d5e539c577732d7418db88e7fd748"]]','fcd1ccec08db6f78a81fee6c26da9e6b8d0d3ba58b4403713fffebcfaa6cf119','{"text":"x"}',NULL);
INSERT INTO "entries" VALUES(9,'459774a7310c5ec766b476e13b622e1d26a34a125468c3cc21d764631edc0611','review','bob',0,'2026-11-28T19:31:52.067+00:00','open','','reject','','reject',NULL,NULL,'[["reviews", "7c932371575eda23c5422e305eda297313e51d1b4e9cf9d24bd93fe3532606ad"]]','c7b3e2d88ef9cdf7f7267b510912a788472849bded75f495a3c4681969585703','{"text":"","verdict":"reject"}',NULL);
INSERT INTO "entries" VALUES(10,'f878b5b4021076fa8f4107a698b8606ed74501700a1ec363b4308ff5877e1388','annotation','carl',0,'2026-11-28T19:31:52.078+00:00','open','','Fine.','','',NULL,NULL,'[["confirms", "5670830df10f59fce4522c88b970627bab410276f0ac6965093fee3def9764a0"]]','d5e857bc79d4f1a01fef6bcd5021f9aad06f4e4d82bf9adb378537104c5890c2','{"text":"Fine."}',NULL);
INSERT INTO "entries" VALUES(11,'f0930c7e7cb3d51d373d8d88856ec3d533afc220288100cbbfd091fba7494215','question','anna',0,'2026-11-28T19:31:52.085+00:00','private','','secret','','',NULL,NULL,'[]','c603fafbcef05970b7551996173d71ceaf97e3ce6d7592066928cd4ff46793d8','{"files":{"x":{"sha256":"25bc6f78b121a07272cc30e64fcac1bafac8b7fe6c72fdf8526caf15a4c6b7b9","size":8}},"text":"secret"}',NULL);
INSERT INTO "entries" VALUES(12,'f898630a7df11ad08eeda3dc4cfcd949f1da340934fe2cc5b78c23ad4d98c670','question','carl',0,'2026-11-28T19:31:52.101+00:00','open','','mine','','',NULL,NULL,'[]','7f18f7c8e8805ba446b968d10a598e5840312e2b63e50ec07f2b457a9f054a67','{"files":{"x":{"sha256":"25bc6f78b121a07272cc30e64fcac1bafac8b7fe6c72fdf8526caf15a4c6b7b9","size":8}},"text":"mine"}',NULL);
INSERT INTO "entries" VALUES(13,'875294180a8e8d27d58d7ad437cf83fc7022779ed373af6d29e212e9dc334bbc','question','anna',0,'2026-11-28T19:31:52.109+00:00','open','','shown','','',NULL,NULL,'[]','1e7711717e967d9c5373f00ac5f75e104c5282962584c9cefcee2bb317001e13','{"files":{"y":{"sha256":"30da2826a39aee42b1ecc8c8f5ad1f503e430566b03e3b13655a94915f012b00","size":5}},"text":"shown"}',NULL);
INSERT INTO "entries" VALUES(14,'1ec2b9c8d853f8516d7e5dff11c49c1e3112671902d9cd7e6cea5a85033f3e39','question','carl',0,'2026-11-28T19:31:52.119+00:00','open','','too','','',NULL,NULL,'[]','832259f98c866090b78d83c5212f8e98b2e35d83374722e18084b99adc22d174','{"files":{"y":{"sha256":"30da2826a39aee42b1ecc8c8f5ad1f503e430566b03e3b13655a94915f012b00","size":5}},"text":"too"}',NULL);
INSERT INTO "entries" VALUES(15,'406737c505b96a64f0350432cf75b028ae17a0c6251d19f1e5cb10338d8d937e','law','bob',0,'2026-11-28T19:31:52.207+00:00','open','','of bob','','',NULL,NULL,'[]','183251b56ed7adf9e739527c06853e9e6d05af2c7fc6e53a029c7b2cdf0c1b7b','{"text":"of bob"}','sent by bob');
INSERT INTO "entries" VALUES(16,'a13670519bf7777cc5ef6a95508621cecec1fe3b6b6c3d761f593a248d51ba7d','law','mallory',0,'2026-11-28T19:31:52.217+00:00','open','','of nobody','','',NULL,NULL,'[]','bca32ed35ef23b9570ecf169b98236642f449e531e979cc1f0c4986cf09c62f1','{"text":"of nobody"}','sent by bob');
INSERT INTO "entries" VALUES(17,'a9c9e718f1efdf17f555d64eceecf841b8f5b357e7a86a6d88b5371eb3eecfe5','run','mallory',0,'2026-11-28T19:31:52.221+00:00','open','','film','film','ok','m','09d369931ea56e197bce1aa6a94400dae609eab9bfad0520eca9483853a2c780','[]','73b29d0f37374cf62f7c26bfedcba9903d76f9ec6c0581ff941e3f7332c7849a','{"errors":{},"inputs":{"D":{"unit":"m^2/s","value":1e-13},"l":{"unit":"mm","value":3.0}},"kernel":"film","key":"m","outputs":{"c":{"unit":"kg/m^3","value":0.5}},"provenance":{"version":"1"},"reason":"","seed":null,"status":"ok","tier":"fine","wall_seconds":0.0}','sent by bob');
INSERT INTO "entries" VALUES(18,'b753adf8dfc946091adc4107c58fd187ae517dac1f5d69fe352a6b1fe6fb01d7','law','robotic',0,'2026-11-28T19:31:52.237+00:00','open','','of a program','','',NULL,NULL,'[]','840997278c4fe1cc6ff8c09ddb18b3973dc19ff4a06c02a2d8bb289f2421e5ed','{"text":"of a program"}','sent by robot');
INSERT INTO "entries" VALUES(19,'48a7e2f492497a3af9ca0a902a16fba6167450f8f4246f0e3dc734910f4fcf97','review','bob',0,'2026-11-28T19:31:52.314+00:00','open','','accept','','accept',NULL,NULL,'[["reviews", "a13670519bf7777cc5ef6a95508621cecec1fe3b6b6c3d761f593a248d51ba7d"]]','2b06c7096ceddc5e868468dfe465f811083019549117fb3d26ed0aa48f3b2070','{"text":"","verdict":"accept"}',NULL);
CREATE TABLE files (
	digest VARCHAR(64) NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "files" VALUES('25bc6f78b121a07272cc30e64fcac1bafac8b7fe6c72fdf8526caf15a4c6b7b9',X'707269766174650A');
INSERT INTO "files" VALUES('30da2826a39aee42b1ecc8c8f5ad1f503e430566b03e3b13655a94915f012b00',X'6F70656E0A');
CREATE TABLE labels (
	name TEXT NOT NULL, 
	label TEXT NOT NULL, 
	run INTEGER NOT NULL, 
	PRIMARY KEY (run, name), 
	FOREIGN KEY(run) REFERENCES entries (seq)
);
CREATE TABLE links (
	entry INTEGER NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	source VARCHAR(64) NOT NULL, 
	target VARCHAR(64) NOT NULL, 
	PRIMARY KEY (target, type, source, entry), 
	FOREIGN KEY(entry) REFERENCES entries (seq)
);
INSERT INTO "links" VALUES(4,'derived','5670830df10f59fce4522c88b970627bab410276f0ac6965093fee3def9764a0','7c932371575eda23c5422e305eda297313e51d1b4e9cf9d24bd93fe3532606ad');
INSERT INTO "links" VALUES(5,'answers','698d831ee0c7892ed2bfccc33358bcb4af50c444c400ca79a85b284193fb3697','f9d8b99b2c4522d6605984c3a5f79edb4c7529c10661eee48a7cb487cfbe857f');
INSERT INTO "links" VALUES(5,'derived','698d831ee0c7892ed2bfccc33358bcb4af50c444c400ca79a85b284193fb3697','5670830df10f59fce4522c88b970627bab410276f0ac6965093fee3def9764a0');
INSERT INTO "links" VALUES(8,'answers','6234a98d3c28e31941cb67d102c2aae506fa93d5dbeb1f5412c946be1fadb38a','8b8effcefe0a0ee5f9945330abf6f515b94b4101cdfb6e7a23ce6b20b651b990');
INSERT INTO "links" VALUES(8,'derived','6234a98d3c28e31941cb67d102c2aae506fa93d5dbeb1f5412c946be1fadb38a','41458f6636735d5f678e8d67b6792f8ed76d5e539c577732d7418db88e7fd748');
INSERT INTO "links" VALUES(9,'reviews','459774a7310c5ec766b476e13b622e1d26a34a125468c3cc21d764631edc0611','7c932371575eda23c5422e305eda297313e51d1b4e9cf9d24bd93fe3532606ad');
INSERT INTO "links" VALUES(10,'confirms','f878b5b4021076fa8f4107a698b8606ed74501700a1ec363b4308ff5877e1388','5670830df10f59fce4522c88b970627bab410276f0ac6965093fee3def9764a0');
INSERT INTO "links" VALUES(19,'reviews','48a7e2f492497a3af9ca0a902a16fba6167450f8f4246f0e3dc734910f4fcf97','a13670519bf7777cc5ef6a95508621cecec1fe3b6b6c3d761f593a248d51ba7d');
CREATE TABLE points (
	shape INTEGER NOT NULL, 
	run INTEGER NOT NULL, 
	part INTEGER NOT NULL, 
	ok BOOLEAN NOT NULL, 
	x0 FLOAT, 
	x1 FLOAT, 
	x2 FLOAT, 
	x3 FLOAT, 
	x4 FLOAT, 
	x5 FLOAT, 
	x6 FLOAT, 
	x7 FLOAT, 
	l0 FLOAT, 
	l1 FLOAT, 
	l2 FLOAT, 
	l3 FLOAT, 
	l4 FLOAT, 
	l5 FLOAT, 
	l6 FLOAT, 
	l7 FLOAT, 
	PRIMARY KEY (shape, run, part), 
	FOREIGN KEY(shape) REFERENCES shapes (id), 
	FOREIGN KEY(run) REFERENCES entries (seq)
)
 WITHOUT ROWID

;
INSERT INTO "points" VALUES(1,2,0,1,1.0e-13,0.001,NULL,NULL,NULL,NULL,NULL,NULL,-2.9933606208922594e+01,-6.90775527898213681e+00,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "points" VALUES(1,3,0,1,1.0e-13,0.002,NULL,NULL,NULL,NULL,NULL,NULL,-2.9933606208922594e+01,-6.21460809842219141e+00,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "points" VALUES(1,17,0,1,1.0e-13,0.003,NULL,NULL,NULL,NULL,NULL,NULL,-2.9933606208922594e+01,-5.80914299031402769e+00,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE settings (
	kind VARCHAR(16) NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (kind, name)
);
INSERT INTO "settings" VALUES('key','own','5241e2628c75f4cf92643b48d84ce493ad6f85a44aee366bd2074d7b5b35951b');
CREATE TABLE shapes (
	id INTEGER NOT NULL, 
	kernel TEXT NOT NULL, 
	tier TEXT NOT NULL, 
	ports TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (hash)
);
INSERT INTO "shapes" VALUES(1,'film','fine','[["D","L²·T⁻¹","m^2/s"],["l","L","mm"]]','8810bc3b900f093907632c3f35b92ff6a0afb4a5752b080c8097ee918f27689e');
CREATE TABLE signatures (
	id VARCHAR(64) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	signature VARCHAR(128) NOT NULL, 
	PRIMARY KEY (id, "key")
);
CREATE TABLE tags (
	tag TEXT NOT NULL, 
	entry INTEGER NOT NULL, 
	PRIMARY KEY (tag, entry), 
	FOREIGN KEY(entry) REFERENCES entries (seq)
);
CREATE TABLE tokens (
	id VARCHAR(32) NOT NULL, 
	user VARCHAR(100) NOT NULL, 
	scope VARCHAR(16) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	expires VARCHAR(40) NOT NULL, 
	revoked BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE users (
	name VARCHAR(100) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	password TEXT, 
	time VARCHAR(40) NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "users" VALUES('bob','reviewer',NULL,'2026-11-28T19:31:49.363+00:00');
INSERT INTO "users" VALUES('carl','contributor',NULL,'2026-11-28T19:31:49.377+00:00');
INSERT INTO "users" VALUES('robot','agent',NULL,'2026-11-28T19:31:49.381+00:00');
CREATE INDEX entries_key ON entries ("key");
CREATE INDEX entries_reuse ON entries (reuse);
CREATE INDEX entries_kind ON entries (kind, name, status);
CREATE INDEX entries_hidden ON entries (visibility, seq) WHERE visibility != 'open';
CREATE INDEX entries_author ON entries (author, kind, status);
CREATE INDEX attached_digest ON attached (digest);
CREATE INDEX labels_name ON labels (name, label, run);
CREATE INDEX links_source ON links (source);
CREATE INDEX links_type ON links (type, entry);
CREATE INDEX points_run ON points (run);
COMMIT;
