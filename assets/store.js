// What the browser remembers between visits: progress, predictions, answers, own runs, chosen corpus and model.
// It never leaves the browser but as the inputs of what is asked. A browser that refuses storage remembers till reload.
window.lab ||= {};
(() => {
  const KEY = 'masked-language-lab';
  let memory = {};
  try { memory = JSON.parse(localStorage.getItem(KEY)) || {}; } catch { /* damaged or refused: begin anew */ }

  const listeners = new Set();

  lab.store = {
    // get('predictions', 'masking') → what was put there, or undefined
    get(shelf, name) { return (memory[shelf] || {})[name]; },
    all(shelf) { return {...memory[shelf]}; },
    put(shelf, name, value) {
      memory[shelf] = {...memory[shelf], [name]: value};
      if (value === undefined) delete memory[shelf][name];
      try { localStorage.setItem(KEY, JSON.stringify(memory)); } catch { /* full or refused */ }
      listeners.forEach(listen => listen(shelf, name));
    },
    forget() {
      memory = {};
      try { localStorage.removeItem(KEY); } catch { /* refused */ }
      listeners.forEach(listen => listen('', ''));
    },
    listen(listener) { listeners.add(listener); },
  };

  // Another tab of the same browser has changed something.
  addEventListener('storage', event => {
    if (event.key !== KEY) return;
    try { memory = JSON.parse(event.newValue) || {}; } catch { return; }
    listeners.forEach(listen => listen('', ''));
  });
})();
