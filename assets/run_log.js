// The log of a run as this page knows it.
(() => {
  // What is known of a run, and how news of it is taken in. It touches no page, so it can be driven by itself.
  // `line` is the cursor: how many lines of the run's log are in here. News that doesn't begin there is left aside.
  lab.runLog = run => {
    const log = {run, line: 0, lines: 0, about: null, standing: null, gone: null, leftAside: 0};
    const clear = () => Object.assign(log, {started: null, losses: [], scores: [], probes: [], pace: null});
    clear();
    const upTo = step => {  // a resumed run does again what lies behind its checkpoint
      for (const kept of ['losses', 'scores', 'probes']) log[kept] = log[kept].filter(each => each[0] <= step);
    };
    const taken = {
      started: ([step, facts]) => { if (step > 0) upTo(step); log.started = facts; },
      step: ([step, loss, ...pace]) => { log.losses.push([step, loss]); log.pace = pace; },
      score: each => log.scores.push(each),
      probe: each => log.probes.push(each),
      end: () => {},
    };
    log.take = answer => {
      if (!answer || answer.run !== run) return false;
      if (answer.gone) { log.gone = answer.gone; return true; }
      if (answer.from !== log.line) { log.leftAside += 1; return false; }
      log.gone = null;
      if (answer.snapshot) clear();
      for (const [kind, ...rest] of answer.events) taken[kind]?.(rest);
      log.line = answer.next;
      log.lines = answer.lines;
      log.standing = answer.standing;
      if (answer.about) log.about = answer.about;
      return true;
    };
    return log;
  };
})();
