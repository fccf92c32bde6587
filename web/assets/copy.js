/* What is copied from a page holds its formulas as plain text: a browser would give their glyphs in a row. */
document.addEventListener("copy", (event) => {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed || !event.clipboardData) return;
  const box = document.createElement("div");
  for (let i = 0; i < selection.rangeCount; i++) {
    const range = selection.getRangeAt(i);
    const within = range.commonAncestorContainer;
    const around = (within.nodeType === Node.ELEMENT_NODE ? within : within.parentElement)?.closest("math");
    box.append(around ? around.cloneNode(true) : range.cloneContents());
  }
  const formulas = box.querySelectorAll("math[alttext]");
  if (!formulas.length) return;
  event.clipboardData.setData("text/html", box.innerHTML);
  for (const formula of formulas) formula.replaceWith(document.createTextNode(formula.getAttribute("alttext")));
  for (const button of box.querySelectorAll("button, .headerlink")) button.remove();
  box.style.cssText = "position: fixed; left: -100vw; white-space: pre-wrap";
  document.body.append(box);
  event.clipboardData.setData("text/plain", box.innerText);
  box.remove();
  event.preventDefault();
});
