import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { Alarm, QuotaUse } from '../answers/documents'
import { policiesIn } from '../answers/policies'
import { books, explanations, quotas, waste } from '../answers/queries'
import { declaredFiles } from '../api/queries'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { ShareBar } from '../parts/bars'
import { CopyCommand } from '../parts/copy'
import { Ago } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { matching, sorted } from '../parts/sorting'
import { State } from '../parts/state'
import { useList } from '../store/list'
import { count, plural } from '../words/format'
import type { StateLook } from '../words/states'
import { Filters, useWhere } from './filters'
import { amountOf } from './queues'
import { VERDICT } from './waiting'

const ALARM: Readonly<Record<Alarm, StateLook>> = {
  none: { word: 'room is left', tone: 'quiet', shape: 'ring' },
  increase: { word: 'ask for more', tone: 'quiet', shape: 'half' },
  warning: { word: 'nearly full', tone: 'wait', shape: 'half' },
  stop: { word: 'full', tone: 'bad', shape: 'cross' },
}
const MODE: Readonly<Record<string, StateLook>> = {
  enforce: { word: 'enforces', tone: 'good', shape: 'dot' },
  warn: { word: 'warns', tone: 'wait', shape: 'half' },
  audit: { word: 'audits', tone: 'quiet', shape: 'ring' },
  off: { word: 'off', tone: 'over', shape: 'dash' },
}

/** What is not as it was agreed: limits that are nearly full, quota beyond hardware, what guardrails refused; and the policies. */
export function Policies() {
  const [search] = useList()
  return (
    <>
      <div className="head">
        <h1>Policies and violations</h1>
        <Filters text="Limit, finding, policy" />
      </div>
      <div className="columns">
        <Limits q={search.q} />
        <Refused q={search.q} />
      </div>
      <Findings q={search.q} />
      <div className="columns">
        <Idle />
        <Declared q={search.q} />
      </div>
    </>
  )
}

function Limits({ q }: { q: string | undefined }) {
  const [search] = useList()
  const source = useAnswer(quotas(useWhere(search)))
  const near = (items: readonly QuotaUse[]) =>
    matching(items, q, (each) => `${each.name} ${each.cluster} ${each.resource}`).filter((each) => each.alarm === 'warning' || each.alarm === 'stop')
  return (
    <AnswerPanel
      title={source.data ? `${plural(near(source.data.document.items).length, 'limit')} nearly full` : 'Limits'}
      source={source}
      flush
      acts={<CopyCommand command="allot quotas --all" />}
      remarks={(document) => document.remarks}
      empty={(document) => (near(document.items).length ? null : <span>Every limit has room. From 85 % of one on it is shown here.</span>)}
    >
      {(document) => (
        <table className="table">
          <thead>
            <tr>
              <th style={{ width: '32%' }}>Limit</th>
              <th className="roomy">Used</th>
              <th className="number" style={{ width: 112 }}>
                Of
              </th>
              <th style={{ width: 112 }}>Alarm</th>
            </tr>
          </thead>
          <tbody>
            {sorted(near(document.items), (each) => each.percent, true).map((each) => (
              <tr key={`${each.cluster}/${each.layer}/${each.name}/${each.resource}`}>
                <td title={`${each.name} (${each.layer}) in ${each.cluster}: ${each.resource}`}>
                  <Link to="/queues" search={{ q: each.name.split('/')[0] ?? '', cluster: each.cluster }}>
                    {each.name}
                  </Link>
                </td>
                <td className="roomy">
                  <ShareBar share={each.percent / 100} tone={each.alarm === 'stop' ? 'bad' : 'wait'} />
                </td>
                <td className="number">
                  {amountOf(each.used, each.resource)} of {amountOf(each.limit, each.resource)}
                </td>
                <td>
                  <State of={ALARM[each.alarm]} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </AnswerPanel>
  )
}

const GUARDED = new Set(['policy', 'submission'])

function Refused({ q }: { q: string | undefined }) {
  const [search] = useList()
  const source = useAnswer(explanations(useWhere(search)))
  const refused = source.data ? matching(source.data.document.items, q, (each) => `${each.subject.name} ${each.cause} ${each.summary}`).filter((each) => GUARDED.has(each.layer)) : []
  return (
    <AnswerPanel
      title="Work that a guardrail refused"
      source={source}
      flush
      acts={<Link to="/waiting">All that waits</Link>}
      empty={() => (refused.length ? null : <span>No guardrail refuses any work at present.</span>)}
    >
      {() => (
        <table className="table fixed">
          <tbody>
            {refused.map((each) => (
              <tr key={`${each.source}/${each.subject.namespace}/${each.subject.name}`}>
                <td style={{ width: '26%' }} title={each.subject.name}>
                  {each.subject.name}
                </td>
                <td style={{ width: 140 }}>
                  <State of={VERDICT[each.verdict]} />
                </td>
                <td title={each.summary}>
                  {each.code ? (
                    <Link to="/help/$code" params={{ code: each.code }}>
                      {each.cause}
                    </Link>
                  ) : (
                    each.cause
                  )}{' '}
                  <span className="faint">{each.summary}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </AnswerPanel>
  )
}

function Findings({ q }: { q: string | undefined }) {
  const [search] = useList()
  const source = useAnswer(books(useWhere(search)))
  const rows = source.data ? matching(source.data.document.findings, q, (each) => `${each.code} ${each.subject} ${each.what}`) : []
  return (
    <AnswerPanel
      title={source.data ? `Quota against hardware: ${plural(rows.length, 'finding')}` : 'Quota against hardware'}
      source={source}
      flush
      acts={<CopyCommand command="allot books" />}
      remarks={(document) => document.remarks}
      empty={() => (rows.length ? null : <span>What quota promises is there.</span>)}
    >
      {() => (
        <div className="scroll">
          <table className="table">
            <thead>
              <tr>
                <th style={{ width: '20%' }}>About</th>
                <th className="roomy" style={{ width: '14%' }}>
                  Cluster
                </th>
                <th>What</th>
                <th className="roomy" style={{ width: '28%' }}>
                  Mend
                </th>
                <th className="roomy" style={{ width: 134 }}>
                  <span className="hidden-text">By command</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((each) => (
                <tr key={`${each.cluster}/${each.code}/${each.subject}`}>
                  <td title={`${each.subject} (${each.code})`}>{each.subject}</td>
                  <td className="roomy faint" title={each.cluster}>
                    {each.cluster}
                  </td>
                  <td className="two-lines">{each.what}</td>
                  <td className="roomy two-lines faint">{each.mend}</td>
                  <td className="roomy">{each.commands[0] && <CopyCommand command={each.commands.join('\n')} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </AnswerPanel>
  )
}

function Idle() {
  const [search] = useList()
  const source = useAnswer(waste(useWhere(search)))
  return (
    <AnswerPanel
      title="What rules of idleness would have done"
      source={source}
      flush
      empty={(document) =>
        document.idleMarks.length ? null : (
          <>
            <span>No rule in shadow mode has met idle work.</span>
            <span>
              Rules stand under <code>idle</code> of the platform; <code>allot explain platform.idle</code> tells how.
            </span>
          </>
        )
      }
    >
      {(document) => (
        <table className="table fixed">
          <tbody>
            {document.idleMarks.map((each, number) => (
              <tr key={number}>
                <td title={each.object}>
                  {each.job ? (
                    <Link to="/jobs/$id" params={{ id: each.job }}>
                      {each.object}
                    </Link>
                  ) : (
                    each.object
                  )}
                </td>
                <td style={{ width: '26%' }}>{each.rule}</td>
                <td style={{ width: '20%' }}>would {each.wouldHave}</td>
                <td className="faint" style={{ width: 110 }}>
                  <Ago at={Date.parse(each.at)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </AnswerPanel>
  )
}

function Declared({ q }: { q: string | undefined }) {
  const source = sourceOf(useQuery(declaredFiles))
  const all = useMemo(() => policiesIn(source.data ?? {}), [source.data])
  const rows = matching(all, q, (each) => `${each.name} ${each.said}`)
  return (
    <Panel
      title={source.data ? plural(rows.length, 'declared policy', 'declared policies') : 'Declared policies'}
      source={source}
      flush
      acts={<CopyCommand command="allot prove" />}
      empty={() =>
        rows.length ? null : all.length ? (
          <span>None of {count(all.length)} policies is called so.</span>
        ) : (
          <>
            <strong>This server tells of no policies</strong>
            <span>
              They stand in the platform directory, with <code>kind: Policy</code>; <code>allot prove</code> tries whether they hold.
            </span>
          </>
        )
      }
    >
      {() => (
        <table className="table fixed">
          <tbody>
            {rows.map((each) => (
              <tr key={`${each.file}/${each.name}`}>
                <td style={{ width: '38%' }} title={each.file}>
                  {each.name}
                </td>
                <td style={{ width: 116 }}>{MODE[each.mode] ? <State of={MODE[each.mode] as StateLook} /> : each.mode}</td>
                <td className="faint roomy" title={each.said}>
                  {each.said}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}
