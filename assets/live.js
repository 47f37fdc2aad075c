// The live run: follows a run as it trains. See `lessons/components/live_run.py` for what the server answers.
(() => {
  const {make} = lab;
  const {perplexity} = lab.runCurve;
  const SOON = 1000, LATER = 4000, SELDOM = 10000;  // ms between two questions: while it goes on, after a failure, when it has ended
  const ENDED = ['finished', 'stopped', 'failed', 'interrupted'];
  const PATIENCE = 20000;  // ms
  const LESSON = 'fine-tuning';

  // Gradio gives nothing where the server didn't answer; and an answer may never come.
  const answered = async promise => {
    const answer = await Promise.race([promise, new Promise(resolve => setTimeout(resolve, PATIENCE))]);
    if (!answer) throw new Error('no answer');
    return answer;
  };

  // The place for the probe sentences; it may be mounted before the run's own.
  let waiting = null;
  lab.livePlace = element => { if (lab.liveRun) lab.liveRun.takePlace(element); else waiting = element; };

  lab.live = ({element, trigger, server}) => {
    const root = element.querySelector('.live');
    const plot = make('div', {class: 'plot', 'data-opaque': '', role: 'group', style: 'min-height:360px'});
    let log = null, asking = false, timer = null, failures = 0, told = '', said = null, chosen = null, look = null, playing = null, drawn = '';

    const token = run => lab.store.get('runs', run)?.token || '';
    const inSight = () => !document.hidden && root.checkVisibility();

    // Playing a recording -----------------------------------------------------------------------------------------------

    // Of all that its log says, what lies before a moment that moves on.
    const SHOWN_FOR = 40000, TICK = 250;  // ms that it takes, and between two pictures
    let film = null;
    const recorded = () => log?.standing?.state === 'recording';
    const cut = step => {
      log.at = step;
      for (const kept of ['losses', 'scores', 'probes']) log[kept] = log.whole[kept].filter(each => each[0] <= step);
    };
    const stopFilm = () => { clearInterval(film); film = null; };
    const playFilm = from => {
      stopFilm();
      cut(from);
      film = setInterval(() => {
        if (!recorded()) { stopFilm(); return; }
        if (!inSight()) return;
        cut(Math.min(log.started.total, log.at + log.started.total * TICK / SHOWN_FOR));
        if (log.at >= log.started.total) stopFilm();
        draw();
      }, TICK);
    };
    const begin = () => {  // once all of it is here
      if (!recorded() || log.whole || log.line < log.lines) return;
      log.whole = {losses: log.losses, scores: log.scores, probes: log.probes};
      if (!matchMedia('(prefers-reduced-motion: reduce)').matches) playFilm(0);
    };

    // Asking ------------------------------------------------------------------------------------------------------------

    const ask = async () => {
      clearTimeout(timer);
      let wait = SOON;
      if (log && !asking && inSight()) {
        const asked = log;
        asking = true;
        try {
          const answer = await answered(server.poll_run([asked.run, asked.line]));
          failures = 0;
          if (log === asked) { log.take(answer); begin(); turn(); draw(); }
          if (log?.gone) wait = SELDOM;
          else if (log && log.line < log.lines) wait = 0;
          else if (recorded()) return void (asking = false);
          else if (ENDED.includes(log?.standing?.state)) wait = SELDOM;
        } catch {
          failures += 1;
          wait = failures > 1 ? LATER : SOON;  // one lost answer is nothing to speak of
          draw();
        }
        asking = false;
      }
      timer = setTimeout(ask, wait);
    };
    document.addEventListener('visibilitychange', () => { if (!document.hidden) ask(); });

    // Tell Python when another run is shown, and when it begins or ends: what depends on that is drawn anew.
    const turn = () => {
      const state = log?.standing?.state;
      const phase = !log || log.gone ? 'none' : !state ? '' : [...ENDED, 'recording'].includes(state) && log.line === log.lines ? 'ended' : log.started ? 'begun' : 'waiting';
      const now = `${log?.run || ''} ${phase}`;
      if (!phase || now === told) return;
      told = now;
      trigger('turned', {run: phase === 'none' ? '' : log.run});
      if (phase === 'ended' && token(log.run) && ['finished', 'stopped'].includes(state) && log.losses.length) lab.progress?.done(LESSON, 'run');
    };

    const show = run => {
      if ((log?.run || '') === (run || '')) return;
      log = run ? lab.runLog(run) : null;
      said = chosen = look = null;
      stopPlaying();
      stopFilm();
      if (!log) turn();
      draw();
      ask();
    };

    // Acting -------------------------------------------------------------------------------------------------------------

    const act = async (what, run = log?.run) => {
      try {
        said = await answered(server.change_run([what, run, token(run)]));
      } catch {
        said = {ok: false, said: 'The lab does not answer. Try again in a moment.'};
      }
      if (said.ok && what === 'twin') {
        const note = said;
        lab.using.addRun(note.run, note.token, 'twin');
        show(note.run);
        said = note;
      }
      if (said.ok && what === 'delete') {
        lab.store.put('runs', run, undefined);
        lab.store.put('forecasts', run, undefined);
        if (lab.using.value.model === run) lab.using.use({model: 'bundled'});
        lab.using.refresh();
        if (log?.run === run) { const note = said; show(null); said = note; }
        else { told = ''; turn(); }
      }
      draw();
      ask();
    };

    const choose = (step, page = 0) => {
      if (recorded()) return;
      chosen = step;
      draw();
      trigger('point', {run: log.run, step, page, token: token(log.run)});
    };

    const click = event => {
      const what = event.target.closest('[data-act]')?.dataset.act;
      if (!what) return;
      if (what === 'use') { lab.using.use({model: log.run}); draw(); }
      else if (what === 'play') play();
      else if (what === 'film') { if (film) { stopFilm(); cut(log.started.total); } else playFilm(0); draw(); }
      else if (what === 'look') { const step = Number(root.querySelector('.live-step').value); if (step >= 1) choose(Math.round(step)); }
      else act(what);
    };
    const scrub = event => {
      if (!event.target.matches('.live-scrub')) return;
      const at = Number(event.target.value);
      look = at >= log.probes.length - 1 ? null : at;  // at the end it follows what comes
      stopPlaying();
      draw();
    };
    root.addEventListener('click', click);
    const stopPlaying = () => { clearInterval(playing); playing = null; };
    const play = () => {
      if (playing) { stopPlaying(); draw(); return; }
      look = 0;
      playing = setInterval(() => {
        if (!log || look === null || look >= log.probes.length - 1) { look = null; stopPlaying(); } else look += 1;
        draw();
      }, 600);
      draw();
    };

    // Drawing ------------------------------------------------------------------------------------------------------------

    const draw = () => {
      const fresh = make('div', {}, ...parts());
      lab.morph(root, fresh);
      const place = root.querySelector('.live-plot');
      if (place && plot.parentElement !== place) place.replaceChildren(plot);
      root.setAttribute('aria-busy', 'false');
      drawSentences();
      const number = root.querySelector('.live-step');
      if (number && number !== document.activeElement && chosen) number.value = chosen;
      if (place && root.checkVisibility()) drawCurve();
    };

    const parts = () => {
      if (!log) return [note(said), make('p', {class: 'say quiet'}, 'Your run appears here, and goes on whether you look or not.')];
      if (log.gone) return [note(said), make('p', {class: 'say note bad'}, log.gone)];
      if (!log.standing) return [make('p', {class: 'say note waiting'}, failures > 1 ? 'The lab does not answer; asking again …' : 'Fetching the run …')];
      return [head(), buttons(), note(said), figures(), curve()];
    };

    const note = about => make('p', {class: `say ${about ? `note ${about.ok ? 'good' : 'bad'}` : 'unseen'}`, 'aria-live': 'polite', 'data-key': 'said'}, about?.said || '');

    const head = () => {
      const {state, words} = log.standing;
      const total = log.started?.total, step = lastStep();
      const before = state === 'running' && !log.losses.length;
      const mine = token(log.run) || recorded() ? '' : ' You are watching: only whoever started it can stop or change it.';
      return make('div', {class: 'live-head', 'data-key': 'head'},
        make('p', {class: 'live-name'}, ...log.about.words.map((word, i) => make(i ? 'span' : 'b', {}, word))),
        make('p', {class: `live-state ${state}`, 'aria-live': 'polite'}, failures > 1 ? 'The lab does not answer; asking again …' : (before ? 'Scoring held-out text before the first step.' : words) + mine),
        make('progress', {class: 'live-progress', max: total || 1, value: total ? step : 0, 'aria-label': 'Steps done'}));
    };

    const lastStep = () => log.losses.at(-1)?.[0] || 0;

    const button = (what, words, kind = '') => make('button', {type: 'button', class: `button ${kind}`, 'data-act': what}, words);
    const buttons = () => {
      const {state, resumable, model} = log.standing, mine = Boolean(token(log.run)), ended = ENDED.includes(state);
      const used = lab.using.value.model === log.run;
      const row = [
        recorded() && log.whole && button('film', film ? 'To the end' : 'Play it again', 'primary'),
        mine && ['waiting', 'starting', 'running'].includes(state) && button('stop', state === 'waiting' ? 'Leave the queue' : 'Stop', 'danger'),
        mine && resumable && button('resume', 'Resume', 'primary'),
        model && (used ? make('span', {class: 'say quiet'}, 'The lessons use this model now.') : button('use', 'Use this model in all lessons', 'primary')),
        mine && state !== 'waiting' && button('twin', `Train its twin, with ${log.about.twin}`),
        mine && ended && button('delete', 'Delete'),
      ].filter(Boolean);
      return make('div', {class: 'live-buttons', 'data-key': 'buttons'}, row);
    };

    const figures = () => {
      const score = log.scores.at(-1), first = log.scores[0], loss = log.losses.at(-1), guess = lab.store.get('forecasts', log.run);
      const shown = [];
      const add = (value, label, tone) => shown.push({value, label, tone});
      if (log.started) add(`${lastStep().toLocaleString('en')} of ${log.started.total.toLocaleString('en')}`, 'steps done');
      if (loss) add(loss[1].toFixed(3), 'training loss of the latest step, nats');
      if (score) add(perplexity(score[1]), `held-out perplexity at step ${score[0].toLocaleString('en')}`, first !== score ? (score[1] < first[1] ? 'good' : 'bad') : null);
      if (first && first !== score) add(perplexity(first[1]), 'held-out perplexity at step 0');
      if (guess?.perplexity !== undefined) add(String(guess.perplexity), 'your forecast');
      if (log.pace && log.standing.state === 'running') {
        add(log.pace[0].toLocaleString('en'), 'tokens a second');
        add(clock(log.pace[1]), 'left');
      } else if (log.pace && (recorded() ? lastStep() >= log.started?.total : ENDED.includes(log.standing.state))) add(clock(log.pace[2]), 'it took');
      return make('div', {'data-key': 'figures'}, shown.length > 0 && lab.blocks.figures({figures: shown}),
        log.started && make('p', {class: 'say quiet'}, log.started.said));
    };

    const curve = () => {
      if (!log.started) return make('div', {'data-key': 'no-curve'});
      return make('figure', {class: 'chart', 'data-key': 'curve'},
        make('div', {class: 'live-plot', 'data-opaque': ''}),
        make('figcaption', {}, 'Low is good. Right of the picture, the same as perplexity: e to the power of the loss. Baselines outside it come in sight with a double click. ', !recorded() && [make('b', {}, 'Click on a point'), ' to see what the model read at that step.']),
        !recorded() && make('p', {class: 'live-look'},
          make('label', {}, 'Step ', make('input', {class: 'number-input live-step', type: 'number', min: 1, max: log.started.total, value: 1})),
          button('look', 'Look into this step', 'small')));
    };

    // The probe sentences stand in a place of their own, below what a step read.
    let sentences = null;
    const drawSentences = () => {
      if (!sentences) return;
      lab.morph(sentences, make('div', {}, log?.probes.length ? probes() : null));
      const scrub = sentences.querySelector('.live-scrub');
      if (scrub) { scrub.max = Math.max(log.probes.length - 1, 1); scrub.value = look ?? log.probes.length - 1; }
    };
    const probes = () => {
      const last = log.probes.length - 1, at = Math.min(look ?? last, last);
      const [step, answers] = log.probes[at], first = log.probes[0][1];
      return make('div', {class: 'live-probes', 'data-key': 'probes'},
        make('h3', {class: 'heading'}, recorded() ? 'Its probe sentences, as it learns' : 'Your probe sentences, as it learns'),
        make('div', {class: 'live-time'},
          button('play', playing ? 'Pause' : 'Play', 'small'),
          make('input', {type: 'range', class: 'live-scrub', min: 0, step: 1, 'aria-label': 'Moment of the run', 'aria-valuetext': `step ${step}`}),
          make('b', {}, `step ${step.toLocaleString('en')}`)),
        make('div', {class: 'live-sentences'}, answers.map((words, i) => {
          const changed = words[0][0] !== first[i]?.[0][0];
          return make('div', {class: `live-sentence ${changed ? 'changed' : ''}`},
            lab.blocks.bars({caption: log.about.probes[i] || '', rows: words.map(([word, share], j) => ({label: word, values: [{share, text: `${(100 * share).toFixed(share < .1 ? 1 : 0)} %`}], tone: j ? '' : 'strong'}))}),
            make('p', {class: 'live-was'}, changed ? ['At step 0 it said ', make('bdi', {}, first[i][0][0]), '.'] : '\u00a0'));
        })));
    };

    // The curve ------------------------------------------------------------------------------------------------------------

    const drawCurve = () => {
      const state = JSON.stringify([log.run, log.line, log.at, log.started, chosen, inView(), lab.store.get('forecasts', log.run), document.body.classList.contains('dark')]);
      if (state === drawn) return;
      drawn = state;
      plot.setAttribute('aria-label', lab.runCurve.inWords(log));
      lab.plotly().then(Plotly => {
        if (!log?.started) return null;
        const {data, layout} = lab.coloured(lab.runCurve.figure(log, {seen: inView(), chosen, small: plot.clientWidth < 520}));
        return Plotly.react(plot, data, layout, lab.CONFIG).then(() => {
          listen();
          const fitting = lab.runCurve.marks(plot._fullLayout.yaxis.range);
          if (String(fitting.tickvals) !== String(layout.yaxis2.tickvals)) Plotly.relayout(plot, {'yaxis2.tickvals': fitting.tickvals, 'yaxis2.ticktext': fitting.ticktext});
        });
      }).catch(() => { plot.textContent = 'The picture could not be drawn. Reload the page to try again.'; });
    };
    const listen = () => {
      if (plot.listens) return;
      plot.listens = true;
      plot.on('plotly_click', ({points}) => {
        const step = Math.round(points[0].x);
        if (step >= 1) choose(step);
      });
      plot.on('plotly_relayout', () => drawCurve());
    };
    new MutationObserver(() => { if (log?.started) drawCurve(); }).observe(document.body, {attributes: true, attributeFilter: ['class']});

    // What the reader sees now: [from, to] on both axes, or null before the first picture of this run.
    const inView = () => plot._fullLayout?.uirevision === log.run ? [...plot._fullLayout.xaxis.range, ...plot._fullLayout.yaxis.range] : null;

    const takePlace = element => {
      sentences = element.querySelector('.live-place');
      sentences.addEventListener('click', click);
      sentences.addEventListener('input', scrub);
      drawSentences();
    };
    lab.liveRun = {show, act, choose, takePlace, get log() { return log; }};
    if (waiting) takePlace(waiting);
    lab.store.listen(shelf => { if (shelf === '' || shelf === 'runs' || shelf === 'using') draw(); });
    const asked = () => new URLSearchParams(location.search).get('run');
    addEventListener('popstate', () => { if (lab.here() === LESSON && asked()) show(asked()); });
    // The controls mount in the same breath; wait till they have, so that what is told to Python arrives.
    lab.usingReady.then(() => setTimeout(() => {
      const own = Object.entries(lab.store.all('runs')).sort((a, b) => b[1].at - a[1].at)[0]?.[0];
      show((lab.here() === LESSON && asked()) || own || null);
      if (!log) { turn(); draw(); }
      ask();
    }, 0));
  };

  const clock = seconds => seconds < 60 ? `${Math.round(seconds)} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s` : `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;
})();
