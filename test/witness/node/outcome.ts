export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What stands at a dotted path, null where nothing does. */
export const at = (answer: unknown, path: string): unknown => {
  let value = answer;
  for (const name of path.split('.')) {
    if (Array.isArray(value)) value = value[Number(name)];
    else value = isRecord(value) ? value[name] : undefined;
  }
  return value ?? null;
};

/** Puts in what was given or captured. @throws Error where a name is not known */
export const filled = (value: unknown, known: Readonly<Record<string, unknown>>): unknown => {
  const get = (name: string): unknown => {
    if (!(name in known)) throw new Error(`nothing was captured as ${name}`);
    return known[name];
  };
  if (typeof value === 'string') {
    const [, whole] = /^<(\w+)>$/.exec(value) ?? [];
    if (whole !== undefined) return get(whole);
    return value.replace(/<(\w+)>/g, (_, name: string) => String(get(name)));
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, known));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, filled(member, known)]));
};

/** Whether a value is what it must be. */
export const holds = (value: unknown, expected: unknown): boolean => {
  if (isRecord(expected)) {
    const { $match, $length } = expected;
    if (typeof $match === 'string') return typeof value === 'string' && new RegExp($match).test(value);
    return Array.isArray(value) && value.length === $length;
  }
  if (!Array.isArray(expected)) return value === expected;
  return (
    Array.isArray(value) &&
    value.length === expected.length &&
    expected.every((one, index) => holds(value[index], one))
  );
};
