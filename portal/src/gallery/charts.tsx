import { type Amounts, KIND_WORDS, KINDS } from '../answers/slots'
import { KindBar, QuotaBar, ShareBar, Swatch } from '../parts/bars'
import { Spark } from '../parts/spark'

const ALL = Object.fromEntries(KINDS.map((kind, number) => [kind, 10 - number])) as Amounts
const ONE = Object.fromEntries(KINDS.map((kind) => [kind, kind === 'free' ? 8 : 0])) as Amounts

export function Bars() {
  return (
    <dl className="facts">
      <dt>Kinds</dt>
      <dd className="filters">
        {KINDS.map((kind) => (
          <span key={kind}>
            <Swatch kind={kind} /> {KIND_WORDS[kind].word}
          </span>
        ))}
      </dd>
      <dt>All kinds</dt>
      <dd>
        <KindBar amounts={ALL} />
      </dd>
      <dt>One kind</dt>
      <dd>
        <KindBar amounts={ONE} tall />
      </dd>
      <dt>Quota unused</dt>
      <dd>
        <QuotaBar nominal={16} used={0} limit={32} />
      </dd>
      <dt>within</dt>
      <dd>
        <QuotaBar nominal={16} used={10} limit={32} />
      </dd>
      <dt>borrowed</dt>
      <dd>
        <QuotaBar nominal={16} used={24} limit={32} />
      </dd>
      <dt>over</dt>
      <dd>
        <QuotaBar nominal={0} used={4} limit={null} />
      </dd>
      {[0, 0.4, 1.2].map((share) => (
        <div key={share} style={{ display: 'contents' }}>
          <dt>{share * 100} %</dt>
          <dd>
            <ShareBar share={share} tone={share > 1 ? 'bad' : 'quiet'} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

const WEEK = Array.from({ length: 168 }, (_, hour) => 8 + Math.round(6 * Math.sin(hour / 12)))
const TRENDS = {
  'a week': { used: WEEK, nominal: WEEK.map(() => 12) },
  'with a gap': { used: WEEK.map((each, hour) => (hour > 40 && hour < 90 ? null : each)), nominal: WEEK.map((_, hour) => (hour > 40 && hour < 90 ? null : 12)) },
  'one hour': { used: WEEK.map((each, hour) => (hour === 167 ? each : null)), nominal: WEEK.map((_, hour) => (hour === 167 ? 12 : null)) },
  'never seen': { used: WEEK.map(() => null), nominal: WEEK.map(() => null) },
}

export function Sparks() {
  return (
    <dl className="facts">
      {Object.entries(TRENDS).map(([name, of]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd style={{ width: 240 }}>
            <Spark of={of} said={name} />
          </dd>
        </div>
      ))}
    </dl>
  )
}
