/** Insertions, deletions and replacements that turn one word into the other. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, otherLetter] of [...other].entries()) {
      next.push(Math.min((row[j] ?? 0) + (letter === otherLetter ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}

/** The known word that the user probably meant: up to a third of its letters differ, or one is the beginning of the other. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const plain = word.toLowerCase();
  const ranked = known
    .map((candidate) => {
      const other = candidate.toLowerCase();
      const letters = distance(plain, other);
      return { candidate, letters, cost: other.startsWith(plain) || plain.startsWith(other) ? 1 : letters };
    })
    .sort((one, other) => one.cost - other.cost || one.letters - other.letters);
  const [best] = ranked;
  return best && best.cost <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : undefined;
}
