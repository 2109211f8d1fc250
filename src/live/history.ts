import { limits } from '../limits.ts';
import type { LivePoint } from './frame.ts';

const POINTS = 3_600_000 / limits.live.pointMs;

/** The points of the last hour: of all processes together, and of each that runs. */
export class PointHistory {
  readonly #all: LivePoint[] = [];
  readonly #byProcess = new Map<string, LivePoint[]>();

  /** Adds the points of one moment, and forgets processes that have none. */
  add(all: LivePoint, byProcess: ReadonlyMap<string, LivePoint>): void {
    append(this.#all, all);
    for (const id of this.#byProcess.keys()) if (!byProcess.has(id)) this.#byProcess.delete(id);
    for (const [id, point] of byProcess) {
      const points = this.#byProcess.get(id);
      if (points !== undefined) append(points, point);
      else if (this.#byProcess.size < limits.live.processes) this.#byProcess.set(id, [point]);
    }
  }

  /** @param process `null`: all together */
  points(process: string | null): readonly LivePoint[] {
    return process === null ? this.#all : (this.#byProcess.get(process) ?? []);
  }
}

function append(points: LivePoint[], point: LivePoint): void {
  points.push(point);
  if (points.length > POINTS) points.shift();
}
