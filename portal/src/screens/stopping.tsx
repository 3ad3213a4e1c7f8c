import { useQueries, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { stopEffects, type StopEffects, type StopLoss, type Stopping } from '../answers/stop_effects'
import { jobOf, whoami } from '../api/queries'
import type { CheckpointPolicy } from '../api/schema'
import { useJobs } from '../store/live'
import { useNow } from '../store/now'
import { count, plural, span } from '../words/format'
import { WAITS } from '../words/states'

/** Running jobs of which it is asked whether they write checkpoints; of more it is said that it is not known. */
const MOST_ASKED = 20
const MOST_NAMED = 5
const NOTHING: StopEffects = { lost: [], ofOthers: [], members: 0, freed: 0, waiting: [] }

/** What a stop of some jobs does: asked for while somebody thinks of it. */
export function useStopEffects(stopped: readonly Stopping[], asks: boolean): StopEffects {
  const { rows } = useJobs()
  const now = useNow(asks ? 1000 : 600_000)
  const me = useQuery(whoami).data?.name ?? ''
  const running = stopped.filter((each) => !WAITS.has(each.state)).slice(0, MOST_ASKED)
  const known = useQueries({ queries: running.map((each) => ({ ...jobOf(each.id), enabled: asks })) })
  const checkpoints = new Map<string, CheckpointPolicy | null>(known.flatMap(({ data }) => (data ? [[data.id, data.job.checkpoint] as const] : [])))
  return useMemo(
    // Nobody waits for what nobody asks: there may be many jobs.
    () => (asks ? stopEffects(stopped, rows, checkpoints, me, now) : NOTHING),
    [asks, stopped, rows, [...checkpoints.keys()].join(), me, now],
  )
}

/** Who loses what by a stop, and who may start by it. */
export function StopSays({ effects: { lost, members, freed, waiting } }: { effects: StopEffects }) {
  const named = waiting.slice(0, 3).join(', ') + (waiting.length > 3 ? ` and ${count(waiting.length - 3)} more` : '')
  return (
    <>
      {lost.length === 1 && lost[0] ? (
        <p>
          It has run for {span(lost[0].ran)}: {lossSaid(lost[0])}.
        </p>
      ) : lost.length > 1 ? (
        <>
          <p>{plural(lost.length, 'job')} of them run and will lose what was not saved:</p>
          <ul className="names">
            {lost.slice(0, MOST_NAMED).map((each) => (
              <li key={each.name}>
                {each.name} <span className="faint">of {each.owner}</span>: {span(each.ran)}, {lossSaid(each)}
              </li>
            ))}
            {lost.length > MOST_NAMED && <li className="faint">and {count(lost.length - MOST_NAMED)} that began later</li>}
          </ul>
        </>
      ) : null}
      {members > 0 && <p className="tone-wait">{plural(members, 'job')} of it under way {members === 1 ? 'ends' : 'end'}, too.</p>}
      {freed > 0 && (
        <p>
          {plural(freed, 'GPU')} {freed === 1 ? 'is' : 'are'} free then.{' '}
          {waiting.length ? `${plural(waiting.length, 'job waits', 'jobs wait')} for some there, and may start sooner: ${named}.` : 'Nobody whom you may see waits for any there.'}
        </p>
      )}
    </>
  )
}

function lossSaid({ checkpoint }: StopLoss): string {
  if (checkpoint === undefined) return 'whether it writes checkpoints is not known'
  if (checkpoint === null) return 'it writes no checkpoints, so all of that is lost'
  return `what it did since its last checkpoint is lost${checkpoint.interval === null ? '' : `, ${span(checkpoint.interval * 1000)} of work at most`}`
}

/** Whose work is lost for good. */
export function LostOfOthers({ of }: { of: StopEffects['ofOthers'] }) {
  if (!of.length) return null
  const owners = [...new Set(of.map((each) => each.owner))]
  return (
    <p>
      <strong className="tone-bad">
        {of.length === 1 ? 'It is the work' : `${count(of.length)} of them are the work`} of {owners.slice(0, 3).join(', ')}
        {owners.length > 3 ? ` and ${count(owners.length - 3)} others` : ''}, and nobody can bring it back.
      </strong>
    </p>
  )
}
