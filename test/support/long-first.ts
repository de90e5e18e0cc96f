import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take a minute or more, the longest first; their size tells nothing. */
const long = [
  /\/main-job/,
  /\/test\/(chaos\/|cluster\/(product\/|controllers\/nodes)|e2e\/guide|integration\/(no-secret|redis-store))/,
];

/** What takes long begins first, else it runs on when all others are done. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = long.findIndex((pattern) => pattern.test(moduleId));
      return found === -1 ? long.length : found;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}
