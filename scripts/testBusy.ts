/**
 * Runs the tests three times beside programs that burn every core, with the files in random order. Arguments go to
 * Vitest. It ends at the first run that fails.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import os from 'node:os';

const RUNS = 3;

const burners = Array.from({ length: os.availableParallelism() }, () =>
  spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
);
try {
  for (let run = 1; run <= RUNS; run++) {
    const seed = randomInt(1_000_000);
    console.log(
      `Run ${run} of ${RUNS} beside ${burners.length} busy programs, files in the order of seed ${seed}`,
    );
    const shuffle = ['--sequence.shuffle.files', `--sequence.seed=${seed}`];
    const { status } = spawnSync('npx', ['vitest', 'run', ...shuffle, ...process.argv.slice(2)], {
      stdio: 'inherit',
    });
    if (status !== 0) {
      process.exitCode = 1;
      break;
    }
  }
} finally {
  for (const burner of burners) burner.kill();
}
