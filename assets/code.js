// "Show me the code": a drawer of listings, to be copied or saved.
(() => {
  const {make} = lab;

  lab.blocks.code = ({title, tabs}) => {
    const drawer = make('details', {class: 'code'}, make('summary', {}, title || 'Show me the code'));
    const buttons = tabs.map(([name], i) => make('button', {type: 'button', role: 'tab', class: 'code-tab', 'data-own': '', 'aria-selected': String(i === 0), tabindex: i ? -1 : 0}, name));
    const panels = tabs.map(([name, source], i) => make('div', {role: 'tabpanel', class: 'code-panel', 'data-own': '', 'aria-label': name, hidden: i > 0},
      make('p', {class: 'code-tools'},
        make('button', {type: 'button', class: 'button small copy'}, 'Copy'),
        make('button', {type: 'button', class: 'button small', 'data-save': 'py'}, 'Save as script'),
        make('button', {type: 'button', class: 'button small', 'data-save': 'ipynb'}, 'Save as notebook')),
      make('pre', {tabindex: 0}, make('code', {}, source))));
    drawer.append(make('div', {role: 'tablist', class: 'code-tabs', 'aria-label': 'Which code'}, buttons), ...panels);
    return drawer;
  };
  document.addEventListener('click', event => {
    const tab = event.target.closest?.('.code-tab');
    if (tab) {
      const drawer = tab.closest('details'), tabs = [...drawer.querySelectorAll('.code-tab')];
      tabs.forEach(each => { each.setAttribute('aria-selected', String(each === tab)); each.tabIndex = each === tab ? 0 : -1; });
      drawer.querySelectorAll('.code-panel').forEach((panel, i) => { panel.hidden = i !== tabs.indexOf(tab); });
    }
    const save = event.target.closest?.('[data-save]');
    if (save) download(save.closest('.code-panel').querySelector('pre').textContent, save.dataset.save);
    const copy = event.target.closest?.('.copy');
    if (copy) navigator.clipboard?.writeText(copy.closest('.code-panel').querySelector('pre').textContent)
      .then(() => { copy.textContent = 'Copied'; setTimeout(() => { copy.textContent = 'Copy'; }, 1500); });
  });
  // The code as a file: a script, or a notebook of one cell.
  const download = (source, kind) => {
    const lines = source.split(/(?<=\n)/);
    const notebook = {nbformat: 4, nbformat_minor: 5, metadata: {kernelspec: {name: 'python3', display_name: 'Python 3', language: 'python'}},
      cells: [{id: 'code', cell_type: 'code', execution_count: null, metadata: {}, outputs: [], source: lines}]};
    const content = kind === 'py' ? source : JSON.stringify(notebook, null, 1);
    const link = make('a', {href: URL.createObjectURL(new Blob([content + '\n'], {type: 'text/plain'})), download: `${lab.here()}.${kind}`});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  document.addEventListener('keydown', event => {
    const tab = event.target.closest?.('.code-tab');
    if (!tab || !['ArrowLeft', 'ArrowRight'].includes(event.key)) return;
    const next = event.key === 'ArrowRight' ? tab.nextElementSibling : tab.previousElementSibling;
    if (next) { next.focus(); next.click(); }
  });
})();
