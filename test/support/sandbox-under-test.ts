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
 * The requests that a real API server refused for want of a right, by its own count. In a sandbox everybody but this
 * project's processes is an administrator.
 */
export const requestsForbidden = async ({ cluster }: Sandbox): Promise<readonly string[]> => {
  const answer = await cluster.client.stream('/metrics', AbortSignal.timeout(30_000));
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  const counts = text.split('\n').filter((line) => line.startsWith('apiserver_request_total{'));
  if (counts.length === 0) throw new Error('The API server counts no requests.');
  return counts.filter((line) => line.includes('code="403"'));
};
