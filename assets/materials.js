// The corpus and the model that all lessons use: chosen once, kept in the browser, sent along with whatever is asked.
(() => {
  const {make, text} = lab;
  const later = act => requestAnimationFrame(() => setTimeout(act, 0));
  let ready;
  lab.usingReady = new Promise(resolve => { ready = resolve; });

  lab.usingPanel = ({props, server}) => {
    const asked = new URLSearchParams(location.search);
    const remembered = lab.store.all('using');
    const value = {
      corpus: asked.get('corpus') || remembered.corpus || 'reviews',
      model: asked.get('model') || remembered.model || 'bundled',
      text_column: remembered.text_column,
    };
    const tell = async () => {
      props.value = {...value, runs: Object.keys(lab.store.all('runs'))};
      try { lab.using.summary = await server.describe_using(props.value); } catch { lab.using.summary = {}; }
      lab.drawRail?.();
    };
    lab.using = {
      summary: {},
      get value() { return {...value}; },
      // use({corpus: 'imdb'}): from now on, in all lessons
      use(change) {
        const before = JSON.stringify(value);
        Object.assign(value, change);
        if (JSON.stringify(value) === before) return;
        for (const [name, chosen] of Object.entries(change)) lab.store.put('using', name, chosen);
        tell().then(() => lab.usingChanged());
      },
      // A run of this visitor's own: its id, and the token that lets its owner stop it.
      addRun(id, token, name) { lab.store.put('runs', id, {token, name, at: Date.now()}); tell(); },
      refresh: tell,
    };
    // What is set while Gradio still mounts is lost; and nothing may be asked for before it is set.
    later(() => { tell(); later(ready); });
  };

  lab.blocks.choices = ({name, title, options}) => make('fieldset', {class: 'question', 'data-key': `choices-${name}`},
    make('legend', {}, title),
    make('div', {class: 'options', role: 'radiogroup', 'aria-label': title}, options.map(({value, label, note, off}) => {
      const chosen = lab.using.value[name] === value;
      return make('label', {class: `option ${chosen ? 'chosen' : ''} ${off ? 'off' : ''}`},
        make('input', {type: 'radio', name: `choices-${name}`, value, checked: chosen, disabled: off, 'data-use': name}),
        make('span', {}, make('bdi', {class: 'choice'}, label), make('span', {class: 'why'}, text(note || ''))));
    })));
  document.addEventListener('change', event => {
    const input = event.target.closest?.('[data-use]');
    if (input) lab.using.use({[input.dataset.use]: input.value});
  });

  // Draws nothing: what has just been uploaded or trained is used from now on. Once, however often it is drawn.
  const used = new Set();
  lab.blocks.use = ({nonce, ...change}) => {
    delete change.type;
    if (!used.has(nonce)) { used.add(nonce); queueMicrotask(() => lab.using.use(change)); }
    return [];
  };
})();
