import type { QueueTrends } from '../answers/documents'
import type { Told } from '../answers/queries'
import type { Trend } from '../answers/queue_trends'
import { Moment } from '../parts/moment'
import type { Source } from '../parts/panel'
import { Spark } from '../parts/spark'
import { trendWords } from '../words/trends'

interface TrendCellProps {
  readonly of: Trend | null
  /** Whether trends are known; before they are, nothing is said of any. */
  readonly told: boolean
  readonly failed: boolean
  /** Seconds of a point. */
  readonly step: number
}

/** How a row of the queues was used. */
export function TrendCell({ of, told, failed, step }: TrendCellProps) {
  if (!told) return failed ? <span className="faint">not read</span> : <span className="skeleton short" />
  return of ? <Spark of={of} said={trendWords(of, step)} /> : <span className="faint">none kept yet</span>
}

/** What the lines are, and of which time nothing is known. */
export function TrendNote({ of: { data, trouble, again } }: { of: Source<Told<QueueTrends>> }) {
  if (trouble)
    return (
      <div className="note bad">
        <span>The trend of 7 days could not be read: {trouble.what}</span>
        <button type="button" className="act plain" onClick={again}>
          Ask again
        </button>
      </div>
    )
  if (!data) return null
  const { first, since, stepSeconds, remarks } = data.document
  const later = first !== null && Date.parse(first) > Date.parse(since)
  return (
    <div className="note" role="note" aria-label="What the trend shows">
      <span>
        7 days: GPUs used, as means of {stepSeconds / 3600} h, beside what is guaranteed (dashed); shaded where nothing was seen.
        {first === null && ' Nothing is kept of them yet: each hour from now on is.'}
        {later && (
          <>
            {' '}
            What is known begins <Moment at={Date.parse(first)} />.
          </>
        )}
        {remarks.length > 0 && ` ${remarks.join('; ')}.`}
      </span>
    </div>
  )
}
