import { type BoundPlace, isAt, placesOf, type Spot } from './bound-places.ts';
import type { DesiredState, ListenerWant } from './desired-state.ts';
import type { ObservedListener, ObservedLoadBalancer, Recorded } from './observed.ts';
import { samePlace } from './place.ts';

type RuleOwners = NonNullable<Recorded['ruleOwners']>;

/** What an object wants at one place. */
export interface Claim {
  readonly state: DesiredState;
  readonly want: ListenerWant;
}

/** A place of ours as the CLB has it, with who decides what stands there; without `claim`: nobody we know. */
export interface HeldPlace extends BoundPlace {
  readonly claim?: Claim;
}

export interface Lost extends Claim {
  readonly what: 'port' | 'rule';
  readonly holder: 'foreign' | 'older' | { readonly uid: string };
}

/** Who may have what of a load balancer, decided among all that want something of it. */
export interface Claims {
  readonly places: readonly HeldPlace[];
  /** Theirs, but not there yet. `listenerId`: the listener of layer 7 that a rule goes into. */
  readonly missing: readonly (Claim & { readonly listenerId?: string })[];
  /** Another has it, for now. `foreign`: one that is not ours (law L8). */
  readonly lost: readonly Lost[];
  /** Listeners whose maker is gone: they get the name of one that lives. */
  readonly adopted: readonly { readonly listener: ObservedListener; readonly state: DesiredState }[];
  /** Nobody wants them, or only after they are made anew with another protocol. */
  readonly unwanted: readonly ObservedListener[];
  readonly unwantedRules: readonly Required<Spot>[];
  readonly ruleOwners: RuleOwners;
  /** Something was left as it is only because not every object was put yet. */
  readonly undecided: boolean;
}

/** TCP, HTTP, HTTPS and TCP_SSL share one space of ports; UDP and QUIC another. */
const portClass = (protocol: string): 'tcp' | 'udp' =>
  protocol === 'UDP' || protocol === 'QUIC' ? 'udp' : 'tcp';

const slotOf = ({ protocol, port }: { readonly protocol: string; readonly port: number }): string =>
  `${portClass(protocol)} ${port}`;

/** Among those that hold nothing the oldest wins, then the UID. */
const bySeniority = (a: DesiredState, b: DesiredState): number =>
  a.createdAt - b.createdAt || (a.object.uid < b.object.uid ? -1 : 1);

const groups = <T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> => {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const group = found.get(keyOf(item));
    if (group === undefined) found.set(keyOf(item), [item]);
    else group.push(item);
  }
  return found;
};

interface Input {
  readonly states: readonly DesiredState[];
  /** Every object was put: an owner that is not among the states is gone. */
  readonly complete: boolean;
  readonly observed: ObservedLoadBalancer;
  readonly ruleOwners: RuleOwners;
}

/**
 * Decides who has which port and which rule: the present holder first, then the oldest, then by UID. Rules carry no
 * name: their holder is the recorded one, else (the store was lost) who has most endpoints bound there.
 */
export const decideClaims = ({ states, complete, observed, ruleOwners }: Input): Claims => {
  const places: HeldPlace[] = [];
  const missing: (Claim & { readonly listenerId?: string })[] = [];
  const lost: Lost[] = [];
  const adopted: Claims['adopted'][number][] = [];
  const unwanted: ObservedListener[] = [];
  const unwantedRules: Required<Spot>[] = [];
  const owners: RuleOwners[number][] = [];

  const stateOf = (uid: string | undefined): DesiredState | undefined =>
    states.find(({ object }) => object.uid === uid);
  /** Beyond doubt it wants nothing but what its state says. One that is reported or skipped keeps what it has. */
  const hasSpoken = (uid: string | undefined): boolean => {
    const state = stateOf(uid);
    return state === undefined ? complete : state.intent === 'serve' || state.intent === 'release';
  };
  /** It may live: not every object was put yet, and nobody is told anything until then. */
  const mayCome = (uid: string | undefined): boolean => !complete && stateOf(uid) === undefined;
  const isDead = (uid: string | undefined): boolean => complete && stateOf(uid) === undefined;
  const recordedOwners = new Map(
    ruleOwners.map((entry) => [`${entry.listenerId} ${entry.locationId}`, entry.ownerUid]),
  );
  const ownerOfRule = ({ listenerId, locationId }: Spot): string | undefined =>
    recordedOwners.get(`${listenerId} ${locationId}`);
  const isRemovable = (listener: ObservedListener): boolean =>
    hasSpoken(listener.ownerUid) &&
    (listener.rules ?? []).every(({ locationId }) => {
      const owner = ownerOfRule({ listenerId: listener.listenerId, locationId });
      return hasSpoken(owner);
    });
  const boundOf = ({ want }: Claim, place: BoundPlace): number =>
    want.backends.endpoints.filter((endpoint) => place.targets.some((target) => isAt(target, endpoint)))
      .length;

  const wanted: readonly Claim[] = states
    .filter(({ intent }) => intent === 'serve')
    .sort(bySeniority)
    .flatMap((state) => state.listeners.map((want) => ({ state, want })));

  /** Whether something of the listener is the object's already. */
  const holds = (claim: Claim, listener: ObservedListener): boolean =>
    listener.ownerUid === claim.state.object.uid ||
    placesOf(listener).some(
      (place) =>
        place.locationId !== undefined &&
        samePlace(place.place, claim.want) &&
        (ownerOfRule(place) ?? (boundOf(claim, place) > 0 ? claim.state.object.uid : undefined)) ===
          claim.state.object.uid,
    );

  /** Rules of a listener of layer 7, among all that share it. */
  const shareRules = (claims: readonly Claim[], listener: ObservedListener): void => {
    const bound = placesOf(listener);
    for (const place of bound) {
      const { listenerId, locationId = '' } = place;
      const rivals = claims.filter(({ want }) => samePlace(want, place.place));
      const recorded = ownerOfRule(place);
      const keep = (ownerUid: string | undefined, claim?: Claim): void => {
        if (ownerUid !== undefined) owners.push({ listenerId, locationId, ownerUid });
        places.push({ ...place, ...(claim === undefined ? {} : { claim }) });
      };
      const present = rivals.find(({ state }) => state.object.uid === recorded);
      if (present === undefined && recorded !== undefined && !isDead(recorded)) {
        // Its owner said that it does not want it: it goes, and whoever wants it makes it anew.
        if (hasSpoken(recorded)) unwantedRules.push({ listenerId, locationId });
        else if (!mayCome(recorded))
          for (const claim of rivals) lost.push({ ...claim, what: 'rule', holder: { uid: recorded } });
        keep(recorded);
        continue;
      }
      const most = Math.max(0, ...rivals.map((claim) => boundOf(claim, place)));
      // With the store lost, who has what is bound there may be put any moment.
      const isWaitedFor = !complete && recorded === undefined && most === 0 && place.targets.length > 0;
      const winner =
        present ?? (isWaitedFor ? undefined : rivals.find((claim) => boundOf(claim, place) === most));
      if (winner === undefined && complete) unwantedRules.push({ listenerId, locationId });
      keep(winner?.state.object.uid ?? recorded, winner);
      for (const claim of rivals) {
        if (winner !== undefined && claim !== winner) {
          lost.push({ ...claim, what: 'rule', holder: { uid: winner.state.object.uid } });
        }
      }
    }
    const absent = claims.filter(({ want }) => !bound.some(({ place }) => samePlace(place, want)));
    for (const rivals of groups(absent, ({ want }) => JSON.stringify(want.rule)).values()) {
      rivals.forEach((claim, at) => {
        const [first] = rivals;
        if (at === 0) missing.push({ ...claim, listenerId: listener.listenerId });
        else if (first !== undefined)
          lost.push({ ...claim, what: 'rule', holder: { uid: first.state.object.uid } });
      });
    }
  };

  /** A listener of ours that nobody has a claim on as it is. */
  const leave = (listener: ObservedListener): void => {
    const bound = placesOf(listener);
    places.push(...bound);
    if (isRemovable(listener)) unwanted.push(listener);
    for (const place of bound) {
      const { listenerId, locationId } = place;
      const ownerUid = ownerOfRule(place);
      if (locationId === undefined || ownerUid === undefined) continue;
      owners.push({ listenerId, locationId, ownerUid });
      // The listener stays for the sake of others, whose word is not known.
      if (!isRemovable(listener) && hasSpoken(ownerUid)) unwantedRules.push({ listenerId, locationId });
    }
  };

  const slots = groups(wanted, ({ want }) => slotOf(want));
  for (const [slot, claims] of slots) {
    const there = observed.listeners.find((listener) => slotOf(listener) === slot);
    if (there !== undefined && !there.ours) {
      for (const claim of claims) lost.push({ ...claim, what: 'port', holder: 'foreign' });
      continue;
    }
    const first =
      (there === undefined ? undefined : claims.find((claim) => holds(claim, there))) ?? claims[0];
    if (first === undefined) continue;
    const { protocol } = first.want;
    const winnerUid = first.state.object.uid;
    const sharing = protocol === 'HTTP' ? claims.filter(({ want }) => want.protocol === protocol) : [first];
    for (const claim of claims) {
      if (sharing.includes(claim)) continue;
      lost.push({ ...claim, what: 'port', holder: there === undefined ? 'older' : { uid: winnerUid } });
    }
    if (there === undefined) {
      // Rules are told only once their listener is there.
      missing.push(first);
      continue;
    }
    const owner = there.ownerUid;
    const isOwner = sharing.some(({ state }) => state.object.uid === owner);
    const fits = there.protocol === protocol;
    if (fits && (protocol === 'HTTP' || isOwner || isDead(owner))) {
      if (!isOwner && hasSpoken(owner)) adopted.push({ listener: there, state: first.state });
      if (protocol === 'HTTP') shareRules(sharing, there);
      else places.push(...placesOf(there).map((place) => ({ ...place, claim: first })));
      continue;
    }
    // It is in the way of who won the port, and goes first; or it is not known whether it may.
    leave(there);
    if (isRemovable(there) || mayCome(owner)) continue;
    for (const claim of sharing)
      lost.push({ ...claim, what: 'port', holder: owner === undefined ? 'older' : { uid: owner } });
  }
  for (const listener of observed.listeners) {
    if (!listener.ours) continue;
    if (!slots.has(slotOf(listener))) leave(listener);
  }
  const undecided =
    observed.listeners.some(({ ours, ownerUid }) => ours && mayCome(ownerUid)) ||
    places.some(
      (place) => place.locationId !== undefined && place.claim === undefined && mayCome(ownerOfRule(place)),
    );
  return { places, missing, lost, adopted, unwanted, unwantedRules, ruleOwners: owners, undecided };
};
