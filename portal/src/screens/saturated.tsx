import { Link } from '@tanstack/react-router'
import type { Saturation, ShortThing } from '../answers/documents'
import { saturation } from '../answers/queries'
import { isHeldUp, type Thing, thingNamed, thingOf, THINGS } from '../answers/saturation'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { CopyAnswer } from '../parts/copy'
import { type Column, ColumnsMenu, Grid } from '../parts/grid'
import { Glyph } from '../parts/state'
import { useList } from '../store/list'
import { count } from '../words/format'
import { ACCELERATOR } from './accelerator_column'
import { useWhere } from './filters'
import { amountOf } from './queues'

const WORDS: Readonly<Record<Thing, string>> = {
  devices: 'Devices',
  cpu: 'CPU',
  memory: 'Memory',
  'ephemeral-storage': 'Disk',
  pods: 'Pods',
  quota: 'Quota',
}

/** Where accelerators stand, what is out first: the devices, or what stands around them. */
export function Saturated() {
  const [search] = useList()
  const source = useAnswer(saturation(useWhere(search)))
  return (
    <AnswerPanel
      title="What is out first"
      source={source}
      flush
      acts={
        <>
          <CopyAnswer command="allot saturation" of={source.data} />
          <ColumnsMenu columns={COLUMNS} list="first" />
        </>
      }
      remarks={(document) => document.notes}
      empty={(document) =>
        document.items.length ? null : (
          <span>
            No node has an accelerator yet: <Link to="/clusters">clusters</Link> says which answer.
          </span>
        )
      }
    >
      {(document) => <Grid label="What is out first" list="first" rows={document.items} columns={COLUMNS} keyOf={(each) => `${each.cluster}/${each.accelerator}/${each.resource}`} usual="accelerator" />}
    </AnswerPanel>
  )
}

/** What is out first, in words; where it is not the devices, some of them are of no use. */
function First({ of }: { of: Saturation }) {
  if (of.outFirst === null) return <span className="faint">{of.nodes ? 'nobody asks' : 'no node takes pods'}</span>
  const thing = thingNamed(of.outFirst, of.resource)
  const word = thing ? WORDS[thing].toLowerCase().replace('cpu', 'CPU') : of.outFirst
  if (of.closedToAll) return <span className="tone-wait">taints keep all out</span>
  return isHeldUp(of) ? (
    <span className="state tone-wait">
      <Glyph shape="half" tone="wait" />
      {word}
    </span>
  ) : (
    <>{word}</>
  )
}

const share = (of: ShortThing | null) => of?.share ?? null

function said(of: ShortThing | null, resource: string): string {
  if (!of) return ''
  const base = of.name.replace('quota ', '')
  const amount = (value: number) => amountOf(value, base === resource ? 'devices' : base)
  const more = of.morePods === null ? '' : `; ${count(of.morePods)} more pods of one device by it`
  return `${amount(of.used)} of ${amount(of.capacity)} used${more}`
}

const column = (thing: Thing): Column<Saturation> => ({
  id: thing,
  head: WORDS[thing],
  width: '76px',
  number: true,
  roomy: thing !== 'devices',
  wide: thing === 'ephemeral-storage' || thing === 'pods',
  sort: (each) => share(thingOf(each, thing)),
  cell: (each) => {
    const part = share(thingOf(each, thing))
    if (part === null || !each.nodes) return <span className="faint">–</span>
    const first = each.outFirst !== null && thingNamed(each.outFirst, each.resource) === thing
    return <span className={first ? 'first-out' : ''}>{Math.floor(part * 100)} %</span>
  },
  title: (each) => said(thingOf(each, thing), each.resource),
})

const COLUMNS: readonly Column<Saturation>[] = [
  ACCELERATOR,
  { id: 'cluster', head: 'Cluster', width: '180px', roomy: true, whole: true, card: 'badge', sort: (each) => each.cluster, cell: (each) => each.cluster, title: (each) => each.cluster },
  { id: 'first', head: 'Out first', sort: (each) => each.outFirst, cell: (each) => <First of={each} /> },
  { id: 'starts', head: 'Would start', width: '96px', number: true, sort: (each) => each.starts, cell: (each) => count(each.starts), title: () => 'more pods with one device each' },
  { id: 'stranded', head: 'Stranded', width: '84px', number: true, sort: (each) => each.stranded, cell: (each) => <span className={each.stranded ? 'tone-wait' : 'faint'}>{count(each.stranded)}</span>, title: () => 'free devices that what stands around them leaves without use' },
  ...THINGS.map(column),
]
