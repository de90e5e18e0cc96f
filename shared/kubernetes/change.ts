/**
 * What a reflector saw, in order. `gone` is evidence: a DELETED event, or the absence from a list that was read
 * consistently (resourceVersion unset); nothing else makes one (law L5).
 */
export type Change<T> =
  | { readonly type: 'set'; readonly fact: T }
  | { readonly type: 'gone'; readonly uid: string; readonly fact: T; readonly consistent: true };
