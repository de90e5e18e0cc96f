import { type Assets, findAssets, NoControlPlane } from '../../infra/sandbox/control-plane/assets.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../infra/sandbox/control-plane/control-plane.ts';

/** Whether this run is held against a real control plane (`npm run test:cluster`). */
export const isControlPlaneUnderTest = process.env['CLUSTER_UNDER_TEST'] === 'control-plane';

/** The programs to run it with. @throws NoControlPlane where none was built */
export const assetsUnderTest = (): Assets => {
  const assets = findAssets();
  if (assets === undefined) throw new NoControlPlane('`npm run control-plane` builds one.');
  return assets;
};

/** A new real control plane with nothing in it. @throws NoControlPlane where none was built */
export const startControlPlaneUnderTest = (
  options: Omit<ControlPlaneOptions, 'assets'> = {},
): Promise<ControlPlane> => startControlPlane({ assets: assetsUnderTest(), ...options });
