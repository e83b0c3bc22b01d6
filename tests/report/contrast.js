(() => {
  const parse = (text) => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return { rgb: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1 };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => {
      const s = c / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour.startsWith("rgb") && parse(colour).alpha > 0.95) return parse(colour).rgb;
    }
    return [255, 255, 255];
  };
  const failing = [];
  let checked = 0;
  // the best of several colours: a mark may be seen by its edge
  const compare = (element, colours, text, needed) => {
    const known = colours.filter((c) => c.startsWith("rgb"));
    if (!known.length) return;
    const ratio = Math.max(...known.map((colour) => {
      const [a, b] = [luminance(parse(colour).rgb), luminance(behind(element))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }));
    checked += 1;
    if (ratio < needed) failing.push(`${text.slice(0, 40)} ${known} ${ratio.toFixed(2)}`);
  };
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((n) => n.nodeType === 3)
      .map((n) => n.textContent.trim()).join("");
    const style = getComputedStyle(element);
    if (!text || !element.getClientRects().length || element.closest("svg,style,script")) continue;
    if (element.closest(".quiet,.skip")) continue;
    const large = parseFloat(style.fontSize) >= 24;
    compare(element, [style.color], text, large ? 3 : 4.5);
  }
  // glyphs of the figures are paths: letters need 4.5, lines and dots 3
  for (const glyph of document.querySelectorAll("figure svg g[id*='text_'] use")) {
    compare(glyph.closest("svg"), [getComputedStyle(glyph).fill], "letter in a figure", 4.5);
  }
  for (const mark of document.querySelectorAll("figure svg use")) {
    const style = getComputedStyle(mark);
    compare(mark.closest("svg"), [style.fill, style.stroke], "mark in a figure", 3);
  }
  return { checked, failing: [...new Set(failing)] };
})()
