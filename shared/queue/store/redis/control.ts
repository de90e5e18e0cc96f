import * as lb from '../kept-load-balancer.ts';

type Entries<M> = M extends ReadonlyMap<infer K, infer V> ? [K, V][] : never;
type Maps = 'events' | 'applied' | 'releasedAt' | 'letters' | 'evidence' | 'due';

/** A load balancer without its record and texts, as JSON keeps it. */
type Control = Omit<lb.KeptLoadBalancer, Maps | 'key' | 'recorded' | 'hold' | 'observeAt'> & {
  readonly [M in Maps]: Entries<lb.KeptLoadBalancer[M]>;
} & { readonly hold?: lb.HoldMark; readonly observeAt?: number };

/** The same for equal content: what did not change is not written. */
export const controlText = (kept: lb.KeptLoadBalancer): string => {
  const { key: _key, recorded: _recorded, hold, observeAt, ...rest } = kept;
  const control: Control = {
    ...rest,
    events: [...kept.events],
    applied: [...kept.applied],
    releasedAt: [...kept.releasedAt],
    letters: [...kept.letters],
    evidence: [...kept.evidence],
    due: [...kept.due],
    ...(hold === undefined ? {} : { hold }),
    ...(observeAt === undefined ? {} : { observeAt }),
  };
  return JSON.stringify(control);
};

/** Reads what {@link controlText} wrote; only this engine ever writes there. */
export const readControl = (key: string, text: string, recorded: lb.KeptLoadBalancer['recorded']) => {
  if (text === '') return { ...lb.keepLoadBalancer(key), recorded };
  const control: Control = JSON.parse(text);
  const kept: lb.KeptLoadBalancer = {
    ...control,
    key,
    recorded,
    events: new Map(control.events),
    applied: new Map(control.applied),
    releasedAt: new Map(control.releasedAt),
    letters: new Map(control.letters),
    evidence: new Map(control.evidence),
    due: new Map(control.due),
    hold: control.hold,
    observeAt: control.observeAt,
  };
  return kept;
};
