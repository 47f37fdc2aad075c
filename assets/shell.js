// The shell: a rail of links over hidden tabs, real addresses, back and forward, progress, light and dark.
(() => {
  const {make} = lab;
  const parameters = () => new URLSearchParams(location.search);
  const ids = () => lab.settings.lessons.map(lesson => lesson.id);
  const here = () => { const asked = parameters().get('lesson'); return ids().includes(asked) ? asked : ids()[0]; };
  const tab = id => document.getElementById(`lesson-${id}-button`);
  lab.here = here;

  // Progress: which steps of which lesson the learner has done.
  lab.progress = {
    done(lesson, step) {
      const known = lab.settings.lessons.find(each => each.id === lesson);
      const before = lab.store.get('progress', lesson) || [];
      if (!known?.steps.includes(step) || before.includes(step)) return;
      lab.store.put('progress', lesson, [...before, step]);
    },
    of(lesson) { return (lab.store.get('progress', lesson.id) || []).filter(step => lesson.steps.includes(step)); },
  };

  // Openers: each lesson has one, which asks Python to draw the lesson when it is first shown, and again when what all
  // lessons use (corpus, model) has changed since.
  const openers = {}, stale = new Set();
  lab.opener = (id, trigger) => {
    openers[id] = trigger;
    // The controls mount in the same breath; wait till they have, so that their values go along.
    lab.usingReady.then(() => requestAnimationFrame(() => setTimeout(() => trigger('open', {}), 0)));
  };
  lab.reopen = id => openers[id]?.('open', {});
  lab.usingChanged = () => {
    for (const id of Object.keys(openers)) id === here() ? lab.reopen(id) : stale.add(id);
  };
  const shown = id => { if (stale.delete(id)) lab.reopen(id); };

  // Settings of a lesson, kept in the address, so that a link brings them along.
  const settings = {};
  lab.remember = (id, names, values) => {
    settings[id] = Object.fromEntries(names.map((name, i) => [name, values[i]]));
    if (here() !== id) return;
    const query = parameters();
    query.set('lesson', id);
    for (const [name, value] of Object.entries(settings[id])) {
      if (value === null || value === undefined || String(value).length > 2000) query.delete(name);
      else query.set(name, value);
    }
    history.replaceState(history.state, '', `?${query}`);
  };

  lab.shell = ({element, trigger}) => {
    const nav = element.querySelector('.rail-content');

    const draw = () => {
      const fresh = make('div');
      fresh.append(
        make('p', {class: 'brand'}, 'Masked ', make('i', {}, 'Language'), ' Lab'),
        make('nav', {'aria-label': 'Lessons'}, make('ol', {}, lab.settings.lessons.filter(lesson => lesson.order).map(lesson => {
          const did = lab.progress.of(lesson).length, all = lesson.steps.length, current = here() === lesson.id;
          return make('li', {}, make('a', {href: `?lesson=${lesson.id}`, 'data-lesson': lesson.id, 'aria-label': `${lesson.title}${did === all && all ? ', done' : did ? `, ${did} of ${all} steps done` : ''}`, 'aria-current': current ? 'page' : null, class: did === all && all ? 'done' : ''},
            make('b', {'aria-hidden': 'true'}, did === all && all ? '✓' : String(lesson.order)),
            make('span', {class: 'rail-title'}, lesson.title),
            did > 0 && did < all && make('span', {class: 'rail-did'}, `${did}/${all}`)));
        }))),
        make('div', {class: 'using'}, ...usingLines()),
        make('div', {class: 'rail-tools'},
          make('button', {type: 'button', class: 'button small', 'data-tool': 'theme'}, document.body.classList.contains('dark') ? 'Light' : 'Dark'),
          make('button', {type: 'button', class: 'button small', 'data-tool': 'link'}, 'Copy link'),
          make('button', {type: 'button', class: 'button small', 'data-tool': 'forget'}, 'Start over')));
      lab.morph(nav, fresh);
    };

    const usingLines = () => {
      const using = lab.using?.summary || {};
      const line = (name, value) => make('span', {}, `${name} `, make('b', {}, make('bdi', {}, value || '…')));
      return [line('Corpus', using.corpus), line('Model', using.model), line('Runs on', using.hardware),
        make('a', {href: '?lesson=materials', 'data-lesson': 'materials', 'aria-current': here() === 'materials' ? 'page' : null}, 'Change corpus and model')];
    };
    lab.drawRail = draw;

    const open = from => {
      const id = here();
      if (from !== 'start') tab(id)?.click();  // at the start the server picks the tab: a click while they mount is undone
      document.body.dataset.lesson = id;
      document.title = `${lab.settings.lessons.find(each => each.id === id).title} · Masked Language Lab`;
      draw();
      shown(id);
      const given = Object.fromEntries([...parameters()].filter(([name]) => name !== 'lesson' && !name.startsWith('__')));
      if (from === 'history' && Object.keys(given).length) trigger('open', {lesson: id, settings: given});
    };

    const go = id => {
      if (id === here()) return;
      history.replaceState({...history.state, y: scrollY}, '');
      const query = new URLSearchParams();
      query.set('lesson', id);
      for (const [name, value] of Object.entries(settings[id] || {})) if (value !== null && value !== undefined) query.set(name, value);
      history.pushState({y: 0}, '', `?${query}`);
      open('rail');
      scrollTo(0, 0);
    };
    lab.go = go;

    // Links to lessons work anywhere on the page: <a href="?lesson=…">.
    document.addEventListener('click', event => {
      const link = event.target.closest?.('a[href^="?lesson="]');
      if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
      const id = new URLSearchParams(link.getAttribute('href')).get('lesson');
      if (!ids().includes(id)) return;
      event.preventDefault();
      go(id);
      document.querySelector(`#page-${id} h1`)?.focus({preventScroll: true});
    });
    addEventListener('popstate', event => {
      open('history');
      const y = event.state?.y || 0, began = performance.now();
      const scroll = () => { scrollTo(0, y); if (Math.abs(scrollY - y) > 2 && performance.now() - began < 600) requestAnimationFrame(scroll); };
      scroll();
    });

    nav.addEventListener('click', event => {
      const tool = event.target.closest('[data-tool]');
      if (!tool) return;
      if (tool.dataset.tool === 'theme') setTheme(document.body.classList.contains('dark') ? 'light' : 'dark');
      if (tool.dataset.tool === 'link') navigator.clipboard?.writeText(location.href).then(() => { tool.textContent = 'Copied'; setTimeout(draw, 1500); });
      if (tool.dataset.tool === 'forget') {
        if (tool.dataset.sure) { lab.store.forget(); location.search = ''; return; }
        tool.dataset.sure = 'yes';
        tool.textContent = 'Forget progress and predictions?';
        setTimeout(() => { delete tool.dataset.sure; draw(); }, 4000);
      }
      if (tool.dataset.tool !== 'forget') draw();
    });

    const setTheme = name => {
      document.body.classList.toggle('dark', name === 'dark');
      lab.store.put('page', 'theme', name);
    };
    const wanted = lab.store.get('page', 'theme');
    if (wanted && !parameters().has('__theme')) setTheme(wanted);

    lab.store.listen(draw);
    history.scrollRestoration = 'manual';
    open('start');
  };

  // Gradio's radios: every option is its own group for the keyboard, and the group has no name. Mend both.
  let groups = 0;
  const mend = () => document.querySelectorAll('fieldset.block').forEach(field => {
    const radios = field.querySelectorAll('input[type=radio]'), title = field.querySelector('[data-testid=block-info]');
    if (!radios.length) return;
    const name = field.dataset.group ||= `group-${++groups}`;
    if (title) { title.id ||= name; if (field.getAttribute('aria-labelledby') !== title.id) field.setAttribute('aria-labelledby', title.id); }
    if (field.getAttribute('role') !== 'radiogroup') field.setAttribute('role', 'radiogroup');
    radios.forEach(radio => { if (radio.name !== name) radio.name = name; });
  });
  new MutationObserver(mend).observe(document.documentElement, {childList: true, subtree: true});
})();
