import { type Engine, valueTypes } from "./server-keys.ts";

/** Whether a value of redis.conf is one that the server takes, as far as the table of keys tells. */

/**
 * What a value should be, when no asked version of the engine takes this one: `use yes or no`. What follows from more than
 * the value itself (a locale that the host lacks, another key) is left to the server.
 * @returns undefined for a value that some version takes, for one of a form that is not known here, and for an unknown key
 */
export function valueObjection(key: string, value: string, engine: Engine): string | undefined {
  const forms = valueTypes(key, engine).map((type) => formOf(key, type));
  if (forms.some((form) => form === undefined || form.takes(value))) return undefined;
  return forms.at(-1)?.use;
}

interface Form {
  readonly takes: (value: string) => boolean;
  readonly use: string;
}

/** Undefined for what cannot be told from the value. */
function formOf(key: string, type: string): Form | undefined {
  const [kind = "", detail = ""] = type.split(" ");
  const known = detail.split("|");
  const isKnown = (word: string) => known.includes(word.toLowerCase());
  switch (kind) {
    case "yes-no":
      return { takes: (value) => /^(yes|no)$/i.test(value), use: "use yes or no" };
    case "word":
      return { takes: isKnown, use: `use one of ${known.join(", ")}` };
    case "words":
      return { takes: (value) => wordsOf(value).every(isKnown), use: `use one or more of ${known.join(", ")}` };
    case "letters":
      return { takes: (value) => [...value].every((it) => detail.includes(it)), use: `use letters out of ${detail}` };
    case "integer":
      return integer(rangeOf(detail));
    case "memory":
      return memory(rangeOf(detail));
    case "memory-or-percent":
      return memoryOrPercent(rangeOf(detail));
    default:
      return Object.hasOwn(forms, key) ? forms[key] : undefined;
  }
}

interface Range {
  readonly min?: bigint;
  readonly max?: bigint;
}

function rangeOf(text: string): Range {
  const [min, max] = text.split("..").map((it) => (it === "" ? undefined : BigInt(it)));
  return { min, max };
}

const isIn = ({ min, max }: Range, value: bigint): boolean =>
  (min === undefined || value >= min) && (max === undefined || value <= max);

/** ` from 1 to 64`; an upper limit that only the width of the type sets is left out. */
function inWords({ min, max }: Range): string {
  if (max !== undefined && max < 2n ** 31n - 1n) return ` from ${min ?? 0} to ${max}`;
  return min === undefined || min <= -(2n ** 31n) ? "" : ` of ${min} or more`;
}

const maxLong = 2n ** 63n;

/** The servers take neither a sign nor zeros in front. */
const integer = (range: Range): Form => ({
  takes: (value) => {
    if (!/^(0|-?[1-9]\d*)$/.test(value)) return false;
    const number = BigInt(value);
    return number >= -maxLong && number < maxLong && isIn(range, number);
  },
  use: `use a whole number${inWords(range)}`,
});

const units: Readonly<Record<string, bigint>> = {
  "": 1n,
  b: 1n,
  k: 1000n,
  kb: 1024n,
  m: 1000n ** 2n,
  mb: 1024n ** 2n,
  g: 1000n ** 3n,
  gb: 1024n ** 3n,
};

/** In bytes, as the servers count: no digits are 0, and what is too large for 64 bits is cut. */
function bytesOf(value: string): bigint | undefined {
  const [, digits = "", unit = ""] = /^(\d*)([a-z]*)$/i.exec(value) ?? [undefined, "", "?"];
  const factor = units[unit.toLowerCase()];
  if (factor === undefined) return undefined;
  const number = BigInt(digits || "0");
  const widest = 2n ** 64n - 1n;
  return BigInt.asUintN(64, (number > widest ? widest : number) * factor);
}

const memory = (range: Range): Form => ({
  takes: (value) => {
    const bytes = bytesOf(value);
    return bytes !== undefined && isIn(range, bytes);
  },
  use: `use bytes${inWords(range)}, or a whole number with kb, mb or gb`,
});

function memoryOrPercent(range: Range): Form {
  const { takes } = memory(range);
  return {
    takes: (value) => (value.endsWith("%") ? /^(0|[1-9]\d?|100)%$/.test(value) : takes(value)),
    use: "use 0% to 100%, bytes, or a whole number with kb, mb or gb",
  };
}

const wordsOf = (value: string): string[] => value.split(/\s+/).filter((word) => word !== "");

const isNumber = (word: string | undefined, min: number, max = Infinity): boolean =>
  word !== undefined && /^[+-]?\d+$/.test(word) && Number(word) >= min && Number(word) <= max;

/** Keys whose values have a form of their own. */
const forms: Readonly<Record<string, Form>> = {
  "client-output-buffer-limit": {
    // Empty: CONFIG SET would take it, and the file, which the next start reads, does not.
    takes: (value) => {
      const words = wordsOf(value);
      return (
        words.length > 0 &&
        words.length % 4 === 0 &&
        words.every((word, index) => {
          if (index % 4 === 0) return /^(normal|slave|replica|pubsub)$/i.test(word);
          return index % 4 === 3 ? isNumber(word, 0) : bytesOf(word) !== undefined;
        })
      );
    },
    use: "use a class (normal, replica, pubsub), its hard limit, its soft limit and seconds, for example pubsub 32mb 8mb 60",
  },
  "latency-tracking-info-percentiles": {
    takes: (value) => wordsOf(value).every((word) => Number(word) >= 0 && Number(word) <= 100),
    use: "use numbers from 0 to 100, for example 50 99 99.9",
  },
  "oom-score-adj-values": {
    takes: (value) => wordsOf(value).length === 3 && wordsOf(value).every((word) => isNumber(word, -2000, 2000)),
    use: "use three numbers from -2000 to 2000: of a master, a replica and a forked child, for example 0 200 800",
  },
};
