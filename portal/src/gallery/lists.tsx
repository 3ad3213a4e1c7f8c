import { Trouble } from '../api/problem'
import { type Column, ColumnsMenu, Grid } from '../parts/grid'
import { Log } from '../parts/log'
import { State } from '../parts/state'
import type { LogHeld } from '../store/log'
import type { LogLine } from '../store/log_blocks'
import { NO_LINES } from '../store/log_window'
import { JOB, type StateLook } from '../words/states'
import { THEN } from './panels'

interface Row {
  readonly name: string
  readonly state: StateLook
  readonly gpus: number
  readonly team: string
}

const ROWS: readonly Row[] = Object.values(JOB).map((state, number) => ({
  name: number % 3 ? `train-${state.word}` : `a-name-that-is-so-long-that-no-column-has-room-for-it-${number}`,
  state,
  gpus: 2 ** number,
  team: ['nlp', 'cv', 'computational-genomics'][number % 3] ?? '',
}))

const COLUMNS: readonly Column<Row>[] = [
  { id: 'name', head: 'Job', sort: (each) => each.name, cell: (each) => each.name, title: (each) => each.name },
  { id: 'state', head: 'State', width: '120px', card: 'badge', whole: true, sort: (each) => each.state.word, cell: (each) => <State of={each.state} /> },
  { id: 'team', head: 'Team', width: '22%', roomy: true, sort: (each) => each.team, cell: (each) => each.team },
  { id: 'gpus', head: 'GPUs', width: '80px', number: true, sort: (each) => each.gpus, cell: (each) => each.gpus },
]

/** A list that is sorted, one of which rows can be selected, and one that is empty. */
export function Lists() {
  const shows = { columns: COLUMNS, keyOf: (each: Row) => each.name, usual: '-gpus' }
  return (
    <>
      <div className="panel">
        <header>
          <h3>Sorted, with a menu</h3>
          <span className="grow" />
          <ColumnsMenu columns={COLUMNS} />
        </header>
        <Grid label="Sorted" rows={ROWS} {...shows} here={ROWS[2]?.name ?? ''} />
      </div>
      <div className="panel">
        <Grid label="Rows that can be selected" rows={ROWS.slice(0, 3)} list="b" {...shows} chosen={(rows) => <>{rows.length} selected</>} />
      </div>
      <div className="panel">
        <Grid label="A tree" rows={ROWS.slice(3, 6)} list="c" given="always" {...shows} look={(each) => ({ level: each.gpus > 8 ? 2 : 1, expanded: each.gpus > 8 ? undefined : true })} />
      </div>
    </>
  )
}

const LINES = [
  'epoch 1/3  loss 2.31',
  '\u001b[33mWARNING\u001b[0m the learning rate is high',
  '\u001b[31;1mERROR\u001b[0m CUDA out of memory: tried to allocate 20.00 GiB',
  'a line that is so long that it does not fit into the width of any screen: '.repeat(6),
].map((text, number) => ({ at: THEN + number * 1000, text, rank: 0 }))

function logOf(lines: readonly LogLine[], trouble: Trouble | null): LogHeld {
  const nothing = () => undefined
  const acts = { again: nothing, older: nothing, newer: nothing, jump: nothing, reads: nothing }
  return { ...NO_LINES, ...acts, lines, offset: 0, end: lines.length, begun: true, ended: !trouble, trouble, rangeTrouble: null, at: THEN }
}

export function Logs() {
  return (
    <>
      <div className="panel">
        <Log log={logOf(LINES, null)} name="train" />
      </div>
      <div className="panel">
        <Log log={logOf([], new Trouble(503, 'the log does not come', '', '', '', ''))} name="train" />
      </div>
    </>
  )
}
