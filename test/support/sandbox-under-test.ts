import {
  type Sandbox,
  type SandboxOptions,
  startSandbox,
  startSandboxOnControlPlane,
} from '../../infra/sandbox/sandbox.ts';
import { assetsUnderTest, isControlPlaneUnderTest } from './control-plane.ts';

/** A sandbox on a real control plane with `CLUSTER_UNDER_TEST=control-plane` (`npm run test:cluster`), else on ours. */
export const startSandboxUnderTest = (options: SandboxOptions = {}): Promise<Sandbox> =>
  isControlPlaneUnderTest ? startSandboxOnControlPlane(assetsUnderTest(), options) : startSandbox(options);

/**
 * What a real API server has not allowed, by its own count of authorizations (requests that end there are in no other
 * count of its). In a sandbox everybody but this project's processes is an administrator.
 */
export const requestsForbidden = async ({ cluster }: Sandbox): Promise<readonly string[]> => {
  const answer = await cluster.client.stream('/metrics', AbortSignal.timeout(30_000));
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  const attempts = text.split('\n').filter((line) => line.startsWith('authorization_attempts_total{'));
  if (attempts.length === 0) throw new Error('The API server does not count what it allows.');
  return attempts.filter((line) => !line.includes('result="allowed"'));
};
