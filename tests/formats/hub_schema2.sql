PRAGMA application_id = 1684630887;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
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
INSERT INTO "entries" VALUES(1,'eb93cf0cbf2331b62eead83f8d6f67027d4f24ef759fc158205faab3413bf3f7','question','anna',0,'2026-11-27T03:18:27.270+00:00','open','','How fast does the film empty?','','',NULL,NULL,'[]','a62f7cdc3edf85615f236bf35fdd79fb817b6acd63751b784fa529715967c31d','{"tags":["film"],"text":"How fast does the film empty?"}',NULL);
INSERT INTO "entries" VALUES(2,'fe6402a7848dbc65d85dfbffc487dcb8dfd2f17f2480c75fd142b9da7d7f071a','run','anna',0,'2026-11-27T03:18:27.307+00:00','open','','film','film','ok','a','f1f6d3be9034fc8ca6cabae796e8fc8c9efd1fa5a042fab4c603f20675e5f104','[]','07d54721dfd33eb12635c075312adf3784769f117abb72469eefd6fb0e5d6f9a','{"errors":{},"inputs":{"kind":{"unit":"label","value":"a"},"l":{"unit":"mm","value":1.5}},"kernel":"film","key":"a","outputs":{"t":{"unit":"s","value":2.0}},"provenance":{},"reason":"","seed":null,"status":"ok","tier":"fine","wall_seconds":0.0}',NULL);
INSERT INTO "entries" VALUES(3,'09935c9142b96a713ddf1cb635495d4ca945b76b94655fd09dc3dbf85c3b6c30','run','anna',0,'2026-11-27T03:18:27.307+00:00','open','','film','film','ok','b','f1f6d3be9034fc8ca6cabae796e8fc8c9efd1fa5a042fab4c603f20675e5f104','[]','022ca20a1b799c377b843ea49bac00729a018130fc6fe03158211f5673d69c6b','{"errors":{},"inputs":{"kind":{"unit":"label","value":"a"},"l":{"unit":"mm","value":1.5}},"kernel":"film","key":"b","outputs":{"t":{"unit":"s","value":2.0}},"provenance":{},"reason":"","seed":null,"status":"ok","tier":"fine","wall_seconds":0.0}',NULL);
INSERT INTO "entries" VALUES(4,'5b642fcb9afe83f57c89bc6d22bc630976f3aa03ef5f83e7effa47257d036c10','law','anna',0,'2026-11-27T03:18:28.525+00:00','open','','t = 0.3*l**2/D','','',NULL,NULL,'[["derived", "fe6402a7848dbc65d85dfbffc487dcb8dfd2f17f2480c75fd142b9da7d7f071a"]]','0ac46463d7bd10008b8efad04aa726453471ae67663b107906249d745477d1c7','{"text":"t = 0.3*l**2/D"}',NULL);
INSERT INTO "entries" VALUES(5,'99b075acfb25e6fe93c5a0605e076320192669c00a4d80c7fa67508cede17bb5','review','rita',0,'2026-11-27T03:18:28.593+00:00','open','','accept: Fine.','','accept',NULL,NULL,'[["reviews", "5b642fcb9afe83f57c89bc6d22bc630976f3aa03ef5f83e7effa47257d036c10"]]','f7289ea995d8081281ec4792a0a6d6513a2725f547be43b0c875a4b4c7dbd5ba','{"text":"Fine.","verdict":"accept"}',NULL);
CREATE TABLE labels (
	name TEXT NOT NULL, 
	label TEXT NOT NULL, 
	run INTEGER NOT NULL, 
	PRIMARY KEY (run, name), 
	FOREIGN KEY(run) REFERENCES entries (seq)
);
INSERT INTO "labels" VALUES('kind','a',2);
INSERT INTO "labels" VALUES('kind','a',3);
CREATE TABLE links (
	entry INTEGER NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	source VARCHAR(64) NOT NULL, 
	target VARCHAR(64) NOT NULL, 
	PRIMARY KEY (target, type, source, entry), 
	FOREIGN KEY(entry) REFERENCES entries (seq)
);
INSERT INTO "links" VALUES(4,'derived','5b642fcb9afe83f57c89bc6d22bc630976f3aa03ef5f83e7effa47257d036c10','fe6402a7848dbc65d85dfbffc487dcb8dfd2f17f2480c75fd142b9da7d7f071a');
INSERT INTO "links" VALUES(5,'reviews','99b075acfb25e6fe93c5a0605e076320192669c00a4d80c7fa67508cede17bb5','5b642fcb9afe83f57c89bc6d22bc630976f3aa03ef5f83e7effa47257d036c10');
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
INSERT INTO "points" VALUES(1,2,0,1,0.0015,NULL,NULL,NULL,NULL,NULL,NULL,NULL,-6.5022901708739722e+00,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "points" VALUES(1,3,0,1,0.0015,NULL,NULL,NULL,NULL,NULL,NULL,NULL,-6.5022901708739722e+00,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE settings (
	kind VARCHAR(16) NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (kind, name)
);
CREATE TABLE shapes (
	id INTEGER NOT NULL, 
	kernel TEXT NOT NULL, 
	tier TEXT NOT NULL, 
	ports TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (hash)
);
INSERT INTO "shapes" VALUES(1,'film','fine','[["l","L","mm"]]','bf7fdaee3edef309d27c15515de38422bafaade45ebb597d5c191e942c4a4c90');
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
INSERT INTO "tags" VALUES('film',1);
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
CREATE INDEX entries_reuse ON entries (reuse);
CREATE INDEX entries_kind ON entries (kind, name, status);
CREATE INDEX entries_author ON entries (author, kind, status);
CREATE INDEX entries_hidden ON entries (visibility, seq) WHERE visibility != 'open';
CREATE INDEX entries_key ON entries ("key");
CREATE INDEX links_type ON links (type, entry);
CREATE INDEX links_source ON links (source);
CREATE INDEX points_run ON points (run);
CREATE INDEX labels_name ON labels (name, label, run);
COMMIT;
