// The closing quiz: the questions of a card, each with what the learner once predicted in that lesson; and the score.
(() => {
  const {make, text} = lab;
  const QUIZ = 'fill-mask-quiz';

  // What counts is the first choice, whatever is tried after it.
  lab.store.listen((shelf, name) => {
    if (shelf !== 'answers' || !name.startsWith(`${QUIZ}/`)) return;
    const given = lab.store.get('answers', name), first = lab.store.get('first answers', name);
    if (given && first?.about !== given.about) lab.store.put('first answers', name, {about: given.about, right: Boolean(given.right)});
  });

  lab.blocks.quiz = (block, context) => {
    const card = lab.blocks.questions(block, context);
    card.setAttribute('aria-label', 'Seven questions');
    card.querySelector('.kicker').textContent = 'One question a lesson';
    card.querySelectorAll('fieldset.question').forEach((field, i) => {
      const {lesson, title} = block.parts[i];
      field.querySelector('.count').textContent = `${i + 1} of ${block.parts.length} · ${title}`;
      field.querySelector('legend').after(...recalled(lesson));
    });
    return card;
  };

  // The learner's own predictions of a lesson, with what they came to.
  const recalled = lesson => {
    const made = Object.entries(lab.store.all('predictions')).filter(([id]) => id.startsWith(`${lesson}-`)).sort(([, a], [, b]) => a.at - b.at);
    if (!made.length) return [];
    return [make('details', {class: 'hint recalled'}, make('summary', {}, 'What you predicted in this lesson'),
      make('ul', {}, made.map(([, kept]) => make('li', {}, text(kept.prompt), ' You said ', make('b', {}, lab.inUnits(kept.value, kept.unit)),
        kept.outcome === undefined ? ', and the outcome is not yet known.' : ['; it came to ', make('b', {}, lab.inUnits(kept.outcome, kept.unit)), '.']))))];
  };

  lab.blocks.quiz_score = ({quiz, parts}) => {
    const firsts = parts.map(({id, about}) => {
      const first = lab.store.get('first answers', `${quiz}/${id}`);
      return first?.about === about ? first : undefined;
    });
    const answered = firsts.filter(Boolean).length;
    if (answered < parts.length) return make('p', {class: 'say quiet', 'aria-live': 'polite', 'data-key': 'quiz-open'}, `${answered} of ${parts.length} answered.`);
    queueMicrotask(() => lab.progress?.done('fill-mask', 'quiz'));
    const right = firsts.filter(first => first.right).length;
    const again = parts.filter((_, i) => !firsts[i].right);
    return make('div', {class: 'quiz-score', 'aria-live': 'polite', 'data-key': 'quiz-done'},
      make('p', {class: 'kicker'}, 'Your score'),
      make('p', {class: 'quiz-number'}, make('b', {}, `${right} of ${parts.length}`), ' right at the first choice'),
      again.length ? make('p', {class: 'say'}, 'Worth another look: ', again.flatMap(({lesson, title}, i) => [i ? ', ' : '', make('a', {href: `?lesson=${lesson}`}, title)]), '.')
        : make('p', {class: 'say'}, 'Not one miss. You can explain this to somebody now.'));
  };

  // A run ends while other lessons are shown: look anew whenever this one is.
  new MutationObserver(() => {
    if (document.body.dataset.lesson === 'fill-mask' && Object.keys(lab.store.all('runs')).length) lab.reopen('fill-mask');
  }).observe(document.documentElement, {attributes: true, subtree: true, attributeFilter: ['data-lesson']});
})();
