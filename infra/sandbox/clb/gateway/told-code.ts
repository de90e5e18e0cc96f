import type { ApiError } from '../api-error.ts';
import { InjectedError } from '../faults.ts';
import { type ClbSettings, defaultSettings, strictSettings } from '../settings.ts';
import { documentedCodes, gatewayCodes, notSimulatedCode, seenCodes } from './documented-codes.ts';

/** An action was about to answer with a code that its documents do not have: a defect of the simulator. */
export class UndocumentedCode extends Error {
  constructor(action: string, code: string, message: string) {
    super(`${action} would have answered ${code}, which is not documented for it: ${message}`);
    this.name = 'UndocumentedCode';
  }
}

/** Who refuses: the gateway before the action is begun, or the action itself. */
export type Refuser = 'gateway' | 'action';

const ours: ReadonlySet<string> = new Set(
  [defaultSettings, strictSettings].flatMap((settings) =>
    Object.entries(settings).map(([name, value]) => `${name}=${value}`),
  ),
);

/** Who chose the code of an open question answers for it; what we chose ourselves is held against the documents. */
const isChosen = (code: string, settings: ClbSettings): boolean =>
  Object.entries(settings).some(
    ([name, value]) => name.endsWith('Code') && value === code && !ours.has(`${name}=${value}`),
  );

/** May this code be answered there? */
export const mayTell = (refuser: Refuser, action: string, code: string): boolean => {
  if (code === notSimulatedCode || documentedCodes.get(action)?.has(code) === true) return true;
  if (refuser === 'gateway') return gatewayCodes.has(code);
  return seenCodes.some((seen) => seen.code === code && seen.actions.includes(action));
};

/**
 * The code that a refusal is answered with: its own, or the other one that it has for actions which do not document
 * that. What a fault or a setting made up is answered as it is.
 *
 * @throws UndocumentedCode
 */
export const toldCode = (
  refuser: Refuser,
  action: string,
  error: ApiError,
  settings: ClbSettings,
): string => {
  // The lock is known by its own code in here; how it is told is a setting.
  const own = error.code === 'FailedOperation.ResourceInOperating' ? settings.lockedCode : error.code;
  if (error instanceof InjectedError) return error.code;
  if (isChosen(own, settings) || mayTell(refuser, action, own)) return own;
  const { otherwise } = error;
  if (otherwise !== undefined && mayTell(refuser, action, otherwise)) return otherwise;
  throw new UndocumentedCode(action, own, error.message);
};
