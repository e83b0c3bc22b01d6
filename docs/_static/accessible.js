// what the theme leaves out for those who read with the keyboard or by ear
document.addEventListener("DOMContentLoaded", () => {
  const each = (what, act) => document.querySelectorAll(what).forEach(act);
  each("p.caption[role=heading]", (p) => p.setAttribute("aria-level", "2"));
  each("aside.sidebar-drawer", (a) => a.setAttribute("aria-label", "Pages"));
  each("aside.toc-drawer", (a) => a.setAttribute("aria-label", "On this page"));
  each(".content-icon-container", (box) => {
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "This page");
  });
  each("pre, .table-wrapper", (box) => box.setAttribute("tabindex", "0"));
  each("th", (head) => head.textContent.trim() || head.setAttribute("aria-hidden", "true"));
  each(".sphx-glr-thumbcontainer a", (link) => {
    link.setAttribute("aria-label", link.closest(".sphx-glr-thumbcontainer").textContent.trim());
  });
});
