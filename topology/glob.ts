/**
 * Whether a pattern of the server's kind matches a whole text, as in KEYS, PSUBSCRIBE and ACL rules: `*`, `?`, `[abc]`,
 * `[^a-z]` and a backslash before a character that means itself. Compares characters where the server compares bytes,
 * so the text must be ASCII.
 */
export function globMatches(pattern: string, text: string): boolean {
  const token = nextToken(pattern);
  if (token === undefined) return text === "";
  const { matches, rest } = token;
  if (matches === "any") {
    for (let at = 0; at <= text.length; at++) if (globMatches(rest, text.slice(at))) return true;
    return false;
  }
  const [char] = text;
  return char !== undefined && matches(char) && globMatches(rest, text.slice(1));
}

interface Token {
  readonly matches: "any" | ((char: string) => boolean);
  readonly rest: string;
}

function nextToken(pattern: string): Token | undefined {
  const [first] = pattern;
  if (first === undefined) return undefined;
  // Several in a row mean one; taken one by one, a long row of them would never come to an end.
  if (first === "*") return { matches: "any", rest: pattern.replace(/^\*+/, "") };
  if (first === "?") return { matches: () => true, rest: pattern.slice(1) };
  if (first === "[") return classToken(pattern);
  const own = first === "\\" && pattern.length > 1 ? 1 : 0;
  return { matches: (char) => char === pattern[own], rest: pattern.slice(own + 1) };
}

/** A class that is not closed ends with the pattern; a range may be written from its end. */
function classToken(pattern: string): Token {
  let at = 1;
  const negated = pattern[at] === "^";
  if (negated) at++;
  const ranges: [string, string][] = [];
  for (; at < pattern.length && pattern[at] !== "]"; at++) {
    if (pattern[at] === "\\" && at + 1 < pattern.length) {
      const char = pattern[++at] as string;
      ranges.push([char, char]);
    } else if (pattern[at + 1] === "-" && at + 2 < pattern.length) {
      ranges.push([pattern[at] as string, pattern[at + 2] as string]);
      at += 2;
    } else {
      ranges.push([pattern[at] as string, pattern[at] as string]);
    }
  }
  const inside = (char: string) => ranges.some(([a, b]) => (a <= b ? a <= char && char <= b : b <= char && char <= a));
  return { matches: (char) => inside(char) !== negated, rest: pattern.slice(at + 1) };
}
