/** Why a list or a watch came to its end. */
export type RestartReason =
  | 'ended'
  | 'unreachable'
  | 'idle'
  | 'expired'
  | 'throttled'
  | 'unauthorized'
  | 'not-served'
  | 'unreadable'
  | 'refused'
  | 'asked';

/** A list or a stream that ended for a reason that is no answer of the API server. */
export class StreamEnd extends Error {
  override readonly name = 'StreamEnd';
  readonly reason: RestartReason;

  constructor(reason: RestartReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
