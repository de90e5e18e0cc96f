/** 0 success, 1 failed, 2 in progress. */
export type TaskStatus = 0 | 1 | 2;

export interface Task {
  status: TaskStatus;
  message: string | null;
  loadBalancerIds: readonly string[] | null;
  readonly region: string;
  /** When it ended, simulated ms. */
  endedMs?: number;
}

const kept = 100_000;

/** Asynchronous tasks by their id, the RequestId of the call that began them. */
export class Tasks {
  readonly #tasks = new Map<string, Task>();

  begin(
    { requestId, region }: { readonly requestId: string; readonly region: string },
    status: TaskStatus,
    loadBalancerIds: readonly string[],
  ): Task {
    const task: Task = { status, message: null, loadBalancerIds, region };
    this.link(requestId, task);
    return task;
  }

  /** Another id for a task: a repeated ClientToken. */
  link(taskId: string, task: Task): void {
    this.#tasks.set(taskId, task);
    if (this.#tasks.size > kept) {
      const [oldest] = this.#tasks.keys();
      if (oldest !== undefined) this.#tasks.delete(oldest);
    }
  }

  find(taskId: string): Task | undefined {
    return this.#tasks.get(taskId);
  }
}
