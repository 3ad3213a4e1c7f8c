import { Link } from '@tanstack/react-router'
import type { Alarm, Quotas, QuotaUse } from '../answers/documents'
import { ALARMS, byLayer, type LayerSums, namesOf, wantedLimits } from '../answers/limits'
import { quotas, type Told } from '../answers/queries'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { LimitBar } from '../parts/bars'
import { CopyAnswer } from '../parts/copy'
import { type Column, ColumnsMenu, Grid } from '../parts/grid'
import type { Source } from '../parts/panel'
import { matching } from '../parts/sorting'
import { Glyph, State } from '../parts/state'
import { useList } from '../store/list'
import { count, plural } from '../words/format'
import { ALARM, baseOf, LAYERS, NOTHING_LEFT, resourceWord } from '../words/limits'
import { Chosen, useWhere } from './filters'
import { amountOf } from './queues'

/** How near limits are, layer by layer, and each that is nearly full. */
export function Limits({ q }: { q: string | undefined }) {
  const [search] = useList()
  const source = useAnswer(quotas(useWhere(search)))
  return (
    <>
      <Layers source={source} />
      <LimitList source={source} q={q} />
    </>
  )
}

/** Work goes through its namespace's limit and its queue's; a team's is the sum: where it is tight is seen at a look. */
function Layers({ source }: { source: Source<Told<Quotas>> }) {
  return (
    <AnswerPanel title="Limits by layer" source={source} flush brief>
      {(document) => (
        <div className="layers">
          {byLayer(document.items).map((each) => (
            <Layer key={each.layer} of={each} />
          ))}
        </div>
      )}
    </AnswerPanel>
  )
}

function Layer({ of }: { of: LayerSums }) {
  const words = LAYERS[of.layer] ?? { word: of.layer, means: '' }
  return (
    <section aria-label={`Limits of ${words.word.toLowerCase()}`}>
      <h3 title={words.means}>
        {words.word} <span className="faint">{of.all ? `${plural(of.all, 'limit')} in use` : 'no limit is in use'}</span>
      </h3>
      <ul className="lines">
        {ALARMS.map((alarm) => (
          <AlarmLine key={alarm} layer={of.layer} alarm={alarm} number={of.alarms[alarm]} />
        ))}
      </ul>
    </section>
  )
}

function AlarmLine({ layer, alarm, number }: { layer: string; alarm: Alarm; number: number }) {
  const [search] = useList()
  const look = number ? ALARM[alarm] : ALARM.none
  return (
    <li className={number ? '' : 'faint'}>
      <Glyph shape={look.shape} tone={look.tone} />
      <b>
        {number ? (
          <Link to="/policies" search={{ ...search, by: layer, state: alarm }}>
            {count(number)}
          </Link>
        ) : (
          <span className="faint">0</span>
        )}
      </b>
      <span>
        from {ALARM[alarm].from} %: {ALARM[alarm].word}
      </span>
    </li>
  )
}

function LimitList({ source, q }: { source: Source<Told<Quotas>>; q: string | undefined }) {
  const [search, change] = useList()
  const rows = (items: readonly QuotaUse[]) =>
    wantedLimits(
      matching(items, q, (each) => `${each.name} ${each.cluster} ${resourceWord(each.resource)}`),
      search.by,
      search.state,
    )
  return (
    <AnswerPanel
      title={source.data ? titleOf(rows(source.data.document.items).length, search.state) : 'Limits'}
      source={source}
      flush
      acts={
        <>
          {search.by && <Chosen said={(LAYERS[search.by]?.word ?? search.by).toLowerCase()} drop={() => change({ by: '' })} />}
          {search.state && <Chosen said={saidOf(search.state)} drop={() => change({ state: '' })} />}
          <CopyAnswer command="allot quotas --all" of={source.data} />
          <ColumnsMenu columns={LIMITS} list="limits" />
        </>
      }
      remarks={(document) => document.remarks}
      empty={(document) =>
        rows(document.items).length ? null : search.by || search.state || q ? (
          <>
            <strong>No limit is like that</strong>
            <button type="button" className="act" onClick={() => change({ q: '', by: '', state: 'all' })}>
              Show all {count(document.items.length)}
            </button>
          </>
        ) : (
          <>
            <strong>Every limit has room</strong>
            <span>
              From {ALARM.warning.from} % of one on it is shown here; from {ALARM.increase.from} % on it is counted above.
            </span>
          </>
        )
      }
    >
      {(document) => <Grid label="Limits" list="limits" rows={rows(document.items)} columns={LIMITS} keyOf={(each) => `${each.cluster}/${each.layer}/${each.name}/${each.resource}`} usual="-used" />}
    </AnswerPanel>
  )
}

function saidOf(alarm: string): string {
  return isAlarm(alarm) ? `from ${ALARM[alarm].from} %` : alarm
}

function titleOf(number: number, alarm: string | undefined): string {
  if (!alarm) return `${plural(number, 'limit')} nearly full`
  return isAlarm(alarm) ? `${plural(number, 'limit')}: ${ALARM[alarm].word}` : plural(number, 'limit')
}

function isAlarm(text: string): text is Alarm {
  return text in ALARM
}

function LimitName({ of }: { of: QuotaUse }) {
  const { of: name, flavor } = namesOf(of)
  if (of.layer === 'team')
    return (
      <Link to="/teams/$team" params={{ team: name }}>
        {name}
      </Link>
    )
  if (of.layer !== 'queue') return <>{name}</>
  return (
    <>
      <Link to="/queues" search={{ q: name, cluster: of.cluster }}>
        {name}
      </Link>{' '}
      <span className="faint">{flavor}</span>
    </>
  )
}

const LIMITS: readonly Column<QuotaUse>[] = [
  { id: 'name', head: 'Limit of', width: '19%', sort: (each) => each.name, cell: (each) => <LimitName of={each} />, title: (each) => `${each.name} in ${each.cluster}` },
  { id: 'layer', head: 'Layer', width: '104px', roomy: true, whole: true, sort: (each) => each.layer, cell: (each) => each.layer },
  { id: 'resource', head: 'Of what', width: '136px', sort: (each) => resourceWord(each.resource), cell: (each) => resourceWord(each.resource), title: (each) => each.resource },
  { id: 'cluster', head: 'Cluster', width: '180px', roomy: true, wide: true, sort: (each) => each.cluster, cell: (each) => <span className="faint">{each.cluster}</span>, title: (each) => each.cluster },
  { id: 'used', head: 'Used', roomy: true, card: 'whole', sort: (each) => each.percent, cell: (each) => <LimitBar percent={each.percent} tone={ALARM[each.alarm].tone} /> },
  { id: 'percent', head: 'Percent', width: '68px', number: true, roomy: true, wide: true, card: 'none', sort: (each) => each.percent, cell: (each) => `${Math.floor(each.percent)} %` },
  {
    id: 'of',
    head: 'Amount',
    width: '168px',
    number: true,
    sort: (each) => each.limit,
    cell: (each) => `${amountOf(each.used, baseOf(each.resource))} of ${amountOf(each.limit, baseOf(each.resource))}`,
  },
  { id: 'alarm', head: 'Alarm', width: '172px', card: 'badge', sort: (each) => ALARM[each.alarm].from, cell: (each) => <State of={each.used >= each.limit && each.used > 0 ? NOTHING_LEFT : ALARM[each.alarm]} /> },
]
