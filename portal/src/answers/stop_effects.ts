import type { CheckpointPolicy, JobRow, StoredJob } from '../api/schema'
import { JOB, OVER, WAITS } from '../words/states'

/** A job that is to be stopped, as a list has it. */
export type Stopping = Pick<JobRow, 'id' | 'name' | 'owner' | 'state' | 'devices' | 'backend' | 'started'>

/** What one of them loses. */
export interface StopLoss {
  readonly name: string
  readonly owner: string
  /** Milliseconds that it has run. */
  readonly ran: number
  /** Null where it writes none; undefined where that is not known. */
  readonly checkpoint: CheckpointPolicy | null | undefined
}

export interface StopEffects {
  /** Those that run, those that have run longest first. */
  readonly lost: readonly StopLoss[]
  /** Of these, what is somebody else's and lost for good. */
  readonly ofOthers: readonly StopLoss[]
  /** Jobs that end with them: trials of a sweep, runs of a schedule. */
  readonly members: number
  /** Devices that are free then. */
  readonly freed: number
  /** Who waits for devices where these are. */
  readonly waiting: readonly string[]
}

/** What comes of stopping some jobs, as far as is known of them and of all others. */
export function stopEffects(
  stopped: readonly Stopping[],
  all: readonly JobRow[],
  checkpoints: ReadonlyMap<string, CheckpointPolicy | null>,
  me: string,
  now: number,
): StopEffects {
  const ids = new Set(stopped.map((each) => each.id))
  const holding = stopped.filter((each) => !OVER.has(each.state) && !WAITS.has(each.state))
  const lost = holding
    .map(({ id, name, owner, started }): StopLoss => ({ name, owner, ran: Math.max(0, now - (started ?? now)), checkpoint: checkpoints.get(id) }))
    .sort((a, b) => b.ran - a.ran)
  const places = new Set(holding.filter((each) => each.devices).map((each) => each.backend))
  const others = all.filter((each) => !ids.has(each.id) && !OVER.has(each.state))
  return {
    lost,
    ofOthers: lost.filter((each) => each.owner !== me && each.checkpoint === null),
    members: others.filter((each) => ids.has(each.parent)).length,
    freed: holding.reduce((sum, each) => sum + each.devices, 0),
    waiting: others.filter((each) => WAITS.has(each.state) && each.devices > 0 && places.has(each.backend)).map((each) => each.name),
  }
}

/** The same of a job that is known as a whole. */
export function stoppingOf({ id, job, owner, history, backend, attempts }: StoredJob): Stopping {
  return {
    id,
    name: job.name,
    owner,
    state: history.moves.at(-1)?.state ?? 'submitted',
    devices: (job.needs.accelerators?.count ?? 0) * job.replicas,
    backend,
    started: attempts.at(-1)?.started ?? null,
  }
}

/** Whether a job can be had back as it was once it is stopped: it has not begun, or goes on from its checkpoints. */
export function isGivenBack(state: keyof typeof JOB, checkpoint: CheckpointPolicy | null | undefined): boolean {
  return WAITS.has(state) || Boolean(checkpoint)
}
