import { type Known, lineOf, runsOf, type Trend } from '../answers/queue_trends'

const TALL = 20

interface SparkProps {
  readonly of: Trend
  /** The same in words. */
  readonly said: string
}

/** How something was used over a time, quietly: a line, what was guaranteed as a dashed one, and gaps dotted at its foot. */
export function Spark({ of: { used, nominal }, said }: SparkProps) {
  const most = Math.max(1, ...known(used), ...known(nominal))
  const height = (value: number) => Math.round((TALL - 2 - ((TALL - 4) * value) / most) * 100) / 100
  return (
    <svg className="spark" role="img" aria-label={said} viewBox={`0 0 ${used.length} ${TALL}`} preserveAspectRatio="none">
      <title>{said}</title>
      {runsOf(used, false).map(({ from, to }) => (
        <path key={from} className="gap" d={`M${from} ${TALL - 1}H${to}`} />
      ))}
      {runsOf(used, true).map((run) => {
        const line = lineOf(used, run, height)
        const ends = run.to - run.from > 1 ? [run.from + 0.5, run.to - 0.5] : [run.from + 0.1, run.to - 0.1]
        return (
          <g key={run.from}>
            <path className="under" d={`${line}L${ends[1]} ${TALL}L${ends[0]} ${TALL}Z`} />
            <path className="line" d={line} />
          </g>
        )
      })}
      {runsOf(nominal, true).map((run) => (
        <path key={run.from} className="nominal" d={lineOf(nominal, run, height)} />
      ))}
    </svg>
  )
}

function known(values: Known): readonly number[] {
  return values.filter((each) => each !== null)
}
