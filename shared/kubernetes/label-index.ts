type Labels = Readonly<Record<string, string>>;

/** Every term of a selector is among the labels. An empty selector matches nothing: see `View.podsSelectedBy`. */
export const matches = (selector: Labels | undefined, labels: Labels): boolean => {
  const terms = Object.entries(selector ?? {});
  return terms.length > 0 && terms.every(([key, value]) => labels[key] === value);
};

const termOf = (namespace: string, key: string, value: string): string => `${namespace}\n${key}\n${value}`;

/** Members by each of their terms, so that a lookup visits the smallest set that can hold the answer. */
class TermIndex {
  readonly #members = new Map<string, Set<string>>();

  add(term: string, uid: string): void {
    const members = this.#members.get(term);
    if (members === undefined) this.#members.set(term, new Set([uid]));
    else members.add(uid);
  }

  remove(term: string, uid: string): void {
    const members = this.#members.get(term);
    if (members?.delete(uid) === true && members.size === 0) this.#members.delete(term);
  }

  get(term: string): ReadonlySet<string> {
    return this.#members.get(term) ?? new Set();
  }
}

/** UIDs by namespace and label: who may match a selector? */
export class LabelIndex {
  readonly #terms = new TermIndex();

  add(namespace: string, labels: Labels, uid: string): void {
    for (const [key, value] of Object.entries(labels)) this.#terms.add(termOf(namespace, key, value), uid);
  }

  remove(namespace: string, labels: Labels, uid: string): void {
    for (const [key, value] of Object.entries(labels)) this.#terms.remove(termOf(namespace, key, value), uid);
  }

  /** Everybody who matches is among them; not everybody among them matches. */
  candidates(namespace: string, selector: Labels): Iterable<string> {
    const sets = Object.entries(selector).map(([key, value]) =>
      this.#terms.get(termOf(namespace, key, value)),
    );
    return (
      sets.reduce<ReadonlySet<string> | undefined>(
        (smallest, set) => (smallest === undefined || set.size < smallest.size ? set : smallest),
        undefined,
      ) ?? []
    );
  }
}

/** UIDs by namespace and one term of a selector: whose selector may match these labels? */
export class SelectorIndex {
  readonly #terms = new TermIndex();

  /** Any one term will do: labels that match the selector have them all. */
  static #term(namespace: string, selector: Labels | undefined): string | undefined {
    const key = Object.keys(selector ?? {}).sort()[0];
    return key === undefined ? undefined : termOf(namespace, key, selector?.[key] ?? '');
  }

  add(namespace: string, selector: Labels | undefined, uid: string): void {
    const term = SelectorIndex.#term(namespace, selector);
    if (term !== undefined) this.#terms.add(term, uid);
  }

  remove(namespace: string, selector: Labels | undefined, uid: string): void {
    const term = SelectorIndex.#term(namespace, selector);
    if (term !== undefined) this.#terms.remove(term, uid);
  }

  candidates(namespace: string, labels: Labels): readonly string[] {
    return Object.entries(labels).flatMap(([key, value]) => [
      ...this.#terms.get(termOf(namespace, key, value)),
    ]);
  }
}
