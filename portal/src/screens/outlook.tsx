import { useQueries, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { betterOnes, outlookOf, type Outlook, type Variant, variantsOf } from '../answers/alternatives'
import { asTrouble, type Trouble } from '../api/problem'
import { foresee, jobsOf, whoami } from '../api/queries'
import type { ForeseenJob, JobSubmission } from '../api/schema'
import { Failed, Skeleton } from '../parts/panel'
import { State } from '../parts/state'
import { money, plural, span } from '../words/format'
import type { StateLook } from '../words/states'

const LOOKS: Readonly<Record<Outlook, StateLook>> = {
  now: { word: 'now', tone: 'good', shape: 'dot' },
  waits: { word: 'waits', tone: 'wait', shape: 'ring' },
  never: { word: 'never', tone: 'bad', shape: 'cross' },
  unknown: { word: 'not known', tone: 'quiet', shape: 'half' },
}

export interface Foreseen {
  readonly data: ForeseenJob | undefined
  readonly trouble: Trouble | null
  /** Whether it can never run as it is asked for. */
  readonly never: boolean
  readonly again: () => void
}

const foreseenOf = (text: string | null, backend: string) => ({
  queryKey: ['foreseen', backend, text],
  queryFn: async () => foresee(await submissionOf(text as string, backend)),
  enabled: text !== null,
  staleTime: 5000,
})

export function useForeseen(text: string | null, backend: string): Foreseen {
  const query = useQuery(foreseenOf(text, backend))
  const trouble = query.error ? asTrouble(query.error) : null
  // What the server has refused is refused for good; what did not come about may come.
  return { data: query.data, trouble, never: query.data?.start.never || (trouble !== null && !trouble.passing), again: () => void query.refetch() }
}

interface OutlooksProps {
  readonly text: string | null
  readonly backend: string
  readonly backends: readonly string[]
  readonly foreseen: Foreseen
  readonly take: (variant: Variant) => void
}

/** What becomes of a job that is being written: now, waits or never, its price, whom it displaces, and what starts sooner. */
export function Outlooks({ text, backend, backends, foreseen: { data, trouble, never, again }, take }: OutlooksProps) {
  const currency = useQuery(whoami).data?.currency ?? ''
  const outlook: Outlook | null = data ? outlookOf(data) : never ? 'never' : null
  return (
    <section className="panel" aria-labelledby="foreseen" aria-live="polite">
      <header>
        <h2 id="foreseen">What becomes of it</h2>
        <span className="grow" />
        {text !== null && outlook && <State of={LOOKS[outlook]} />}
      </header>
      {text === null ? (
        <div className="empty">Say what runs, and this says when it starts, what it costs and whom it displaces.</div>
      ) : data ? (
        <div className="body">
          <dl className="facts">
            <dt>Starts</dt>
            <dd>{startOf(data.start)}</dd>
            <dt>Costs at most</dt>
            <dd>{costOf(data, currency) ?? 'no price is declared'}</dd>
            <dt>Displaces</dt>
            <dd>{displacedBy(data)}</dd>
          </dl>
          {data.told.map((each) => (
            <p key={each} className="faint">
              {each}
            </p>
          ))}
        </div>
      ) : trouble ? (
        <Failed trouble={trouble} again={again} />
      ) : (
        <Skeleton lines={3} />
      )}
      {text !== null && outlook !== null && outlook !== 'now' && <Alternatives text={text} backend={backend} backends={backends} asked={data ?? null} take={take} />}
    </section>
  )
}

/** What was tried and starts sooner: one click takes it into the file. */
function Alternatives({ text, backend, backends, asked, take }: { text: string; backend: string; backends: readonly string[]; asked: ForeseenJob | null; take: (variant: Variant) => void }) {
  const currency = useQuery(whoami).data?.currency ?? ''
  const variants = useMemo(() => variantsOf(text, backend, backends), [text, backend, backends.join()])
  const tried = useQueries({ queries: variants.map((each) => foreseenOf(each.text, each.backend)) })
  if (!variants.length) return null
  const waits = tried.some((each) => each.isPending)
  const found = betterOnes(
    variants.flatMap((variant, number) => {
      const foreseen = tried[number]?.data
      return foreseen ? [{ variant, foreseen }] : []
    }),
    asked,
  )
  return (
    <div className="alternatives" aria-busy={waits}>
      <h3>Starts sooner</h3>
      <ul>
        {found.map(({ variant, foreseen }) => (
          <li key={variant.said}>
            <button type="button" className="act" onClick={() => take(variant)}>
              {variant.said}
            </button>
            <span>
              {startOf(foreseen.start)}
              {foreseen.price !== null && <span className="faint">, {costOf(foreseen, currency)}</span>}
            </span>
          </li>
        ))}
      </ul>
      {waits ? <p className="faint">{plural(variants.length, 'other way of asking is', 'other ways of asking are')} being tried</p> : !found.length && <p className="faint">{variants.length === 1 ? 'The one way that was tried starts no sooner.' : `None of ${variants.length} ways that were tried starts sooner.`}</p>}
    </div>
  )
}

/** What a job costs at most: for the time that it may run, or an hour where it may run for as long as it likes. */
export function costOf({ price, job }: Pick<ForeseenJob, 'price' | 'job'>, currency: string): string | null {
  if (price === null) return null
  return job.run_time === null ? `${money(price, currency)} an hour` : money((price * job.run_time) / 3600, currency)
}

export function startOf(start: ForeseenJob['start']): string {
  if (start.now) return 'at once'
  const within = start.within ? `in ${span(start.within[0] ?? 0)} to ${span(start.within[1] ?? 0)}` : ''
  if (start.now === false) return [within || (start.never ? '' : 'later'), start.plain || start.waits_for].filter(Boolean).join(': ')
  return start.untold || start.plain || start.waits_for || within || 'nobody knows'
}

/** Whom a job would take something from, by name. */
export function displacedBy({ displaces, start }: ForeseenJob): string {
  const names = [...displaces.map((each) => each.job.name), ...start.others]
  return (names.join(', ') || 'nobody') + (start.more_others ? ` and ${start.more_others} more` : '')
}

/** The job that a text means, for a back end. */
export async function submissionOf(text: string, backend: string): Promise<JobSubmission> {
  const [job] = await jobsOf(text)
  // What has a usual value may be left out; the types of answers say that it is always there.
  return { job, backend } as unknown as JobSubmission
}
