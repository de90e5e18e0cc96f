import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take a minute or more begin first, else they run on when all others are done; their size tells nothing. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      /\/test\/(chaos\/|\w+\/main-job|e2e\/guide)/.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
