import type { HealthCheck } from '../model.ts';

/** What a CUSTOM check sends, and what must come back. */
export interface CustomContext {
  readonly sent: Buffer;
  readonly expected: Buffer;
}

/** The bytes that the parameters of a CUSTOM check stand for: pairs of hex digits, or the text itself. */
export const customContext = ({
  ContextType,
  SendContext,
  RecvContext,
}: Pick<HealthCheck, 'ContextType' | 'SendContext' | 'RecvContext'>): CustomContext => {
  const encoding = ContextType === 'HEX' ? 'hex' : 'latin1';
  return {
    sent: Buffer.from(SendContext ?? '', encoding),
    expected: Buffer.from(RecvContext ?? '', encoding),
  };
};
