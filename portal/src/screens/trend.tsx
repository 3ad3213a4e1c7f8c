import type { QueueTrends } from '../answers/documents'
import type { Told } from '../answers/queries'
import { firstOf, hasLine, type Trend } from '../answers/queue_trends'
import { Moment } from '../parts/moment'
import type { Source } from '../parts/panel'
import { Spark } from '../parts/spark'
import { useZone } from '../store/settings'
import { moment } from '../words/format'
import { trendWords } from '../words/trends'

interface TrendCellProps {
  readonly of: Trend | null
  /** Null before trends are known: nothing is said of any. */
  readonly among: QueueTrends | null
  readonly failed: boolean
}

/** How a row of the queues was used. */
export function TrendCell({ of, among, failed }: TrendCellProps) {
  const zone = useZone()
  if (!among) return failed ? <span className="faint">not read</span> : <span className="skeleton short" />
  if (!of) return <span className="faint">none kept yet</span>
  const said = trendWords(of, among.stepSeconds)
  if (hasLine(of)) return <Spark of={of} said={said} />
  const begun = Date.parse(among.since) + firstOf(of) * among.stepSeconds * 1000
  // The whole cell has one tool tip: a moment's own would hide how much was used.
  return (
    <span className="faint" title={said}>
      since {moment(begun, zone)}
    </span>
  )
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
        7 days: GPUs used, as means of {stepSeconds / 3600} h, beside what is guaranteed (dashed); dotted where nothing was seen.
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
