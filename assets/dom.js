// Building and updating the page's own elements. Text always goes in as text, never as markup.
(() => {
  // make('p', {class: 'note', 'aria-live': 'polite'}, 'text', child, [more]) → element
  lab.make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      element.setAttribute(name, value === true ? '' : value);
    }
    for (const child of children.flat()) {
      if (child === null || child === undefined || child === false) continue;
      element.append(child instanceof Node ? child : String(child));
    }
    return element;
  };

  // A colour of the stylesheet as the browser computes it now: colour('--accent') → '#3d4fc4'
  lab.colour = name => getComputedStyle(document.body).getPropertyValue(name).trim();

  // Authored text with **strong**, *emphasis*, `code`, [words](?lesson=ID) for a link to a lesson, and {name}, which is
  // replaced by values[name], shown as it is. A number and its % stay together.
  const MARKS = /(\*\*[^*]+\*\*|\*[^*\s][^*]*\*|`[^`]+`|\[[^\]]+\]\(\?lesson=[\w-]+\)|\{\w+\})/;
  lab.text = (text, values = {}) => text.split(MARKS).map(part => {
    const link = /^\[(.+)\]\((\?lesson=[\w-]+)\)$/.exec(part);
    if (link) return lab.make('a', {href: link[2]}, lab.text(link[1], values));
    if (/^\*\*.+\*\*$/.test(part)) return lab.make('strong', {}, lab.text(part.slice(2, -2), values));
    if (/^\*.+\*$/.test(part)) return lab.make('em', {}, lab.text(part.slice(1, -1), values));
    if (/^`.+`$/.test(part)) return lab.make('code', {}, part.slice(1, -1));
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    return name && name in values ? lab.make('bdi', {class: 'value'}, values[name]) : part.replace(/(\d) %/g, '$1\u00a0%');
  });

  // A value with its unit, which is given in the plural: 27 %, 18 pieces, 1 piece, 5 of 8.
  lab.inUnits = (value, unit) => !unit ? String(value) : unit === '%' ? `${value}\u00a0%` : `${value} ${Number(value) === 1 ? unit.replace(/s$/, '') : unit}`;

  // Make `old` look like `fresh`, node by node in their order, so that focus, selection and open details survive.
  // What has data-own minds its own attributes; what has data-opaque its own content.
  lab.morph = (old, fresh) => {
    const before = [...old.childNodes], after = [...fresh.childNodes];
    after.forEach((node, i) => {
      const there = before[i];
      if (!there) { old.append(node); return; }
      if (there.nodeType !== node.nodeType || there.nodeName !== node.nodeName || there.dataset?.key !== node.dataset?.key) {
        there.replaceWith(node);
        return;
      }
      if (node.nodeType === Node.TEXT_NODE) {
        if (there.data !== node.data) there.data = node.data;
        return;
      }
      if (!('own' in there.dataset)) attributes(there, node);
      if (!('opaque' in there.dataset)) lab.morph(there, node);
    });
    before.slice(after.length).forEach(node => node.remove());
  };

  const KEPT = new Set(['open', 'style']);  // what the reader or a library has set
  const attributes = (old, fresh) => {
    for (const {name} of [...old.attributes]) if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
    for (const {name, value} of fresh.attributes) {
      if (old.getAttribute(name) !== value && !(KEPT.has(name) && name === 'open')) old.setAttribute(name, value);
    }
    if ('value' in fresh && fresh.tagName === 'INPUT' && fresh.hasAttribute('value') && document.activeElement !== old) {
      if (fresh.type === 'radio' || fresh.type === 'checkbox') old.checked = fresh.hasAttribute('checked');
    }
  };
})();
