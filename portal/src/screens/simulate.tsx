import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { CHANGE_KINDS, type ChangeKind, changeSaid, changesIn, changeWord, subjectsOf } from '../answers/changes'
import type { QueueFutures, WhatIf } from '../answers/documents'
import { type TeamFutures, moveOf, teamFutures } from '../answers/futures'
import { clusterStates, declaredTeams, queues, waste, whatIf } from '../answers/queries'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { CopyCommand } from '../parts/copy'
import { widthsOf } from '../parts/grid'
import { Panel, sourceOf } from '../parts/panel'
import { useList } from '../store/list'
import { count, plural } from '../words/format'
import { Chosen, Filters, useWhere } from './filters'
import { cutOf, Displaced, Rests, StartsChart, Sums, unknownOf, Wait, WhoStarts } from './futures'
import { commandOf } from './quotas'

/** Two futures of a cluster side by side: as it is, and with changes. */
export function Simulate() {
  const [search, change] = useList()
  const where = useWhere(search)
  const states = useAnswer(clusterStates(where))
  const names = states.data?.document.items.map((each) => each.name) ?? NONE
  const cluster = search.cluster ?? names[0]
  const changes = changesIn(search.change)
  const set = (next: readonly string[]) => change({ change: next.join(' '), cluster: cluster ?? '' })
  return (
    <>
      <div className="head">
        <h1>Simulate</h1>
        <Filters>
          {names.length > 1 && (
            <select className="chip" aria-label="Cluster" data-set="" value={cluster ?? ''} onChange={(event) => change({ cluster: event.target.value, change: '' })}>
              {names.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          )}
          {changes.map((each) => (
            <Chosen key={each} said={each} drop={() => set(changes.filter((other) => other !== each))} />
          ))}
        </Filters>
        <span className="grow" />
        {cluster && changes.length > 0 && <CopyCommand command={`${commandOf(cluster, changes)} --all`} />}
      </div>
      {cluster && <Builder cluster={cluster} add={(word) => set([...changes, word])} />}
      {!cluster || !changes.length ? (
        <AnswerPanel
          title="Two futures"
          source={states}
          empty={() =>
            names.length ? (
              <>
                <strong>Say what is to be different</strong>
                <span>The same futures are played with it and without it, on what {cluster} shows now: who starts when, and who waits longer. Nothing is changed.</span>
              </>
            ) : (
              <>
                <strong>No cluster is followed</strong>
                <span>
                  Futures are those of a cluster. Declare one, and <code>allot cluster connect</code> it.
                </span>
              </>
            )
          }
        >
          {() => null}
        </AnswerPanel>
      ) : (
        <Futures cluster={cluster} changes={changes} />
      )}
    </>
  )
}

const NONE: never[] = []

function Builder({ cluster, add }: { cluster: string; add: (word: string) => void }) {
  const [search] = useList()
  const where = { ...useWhere(search), cluster }
  const [kind, setKind] = useState<ChangeKind>('quota')
  const [subject, setSubject] = useState('')
  const [amount, setAmount] = useState('')
  const queued = useAnswer(queues(where)).data?.document.items ?? NONE
  const entries = useQuery({ ...waste(where), enabled: CHANGE_KINDS[kind].of === 'node' }).data?.document.entries ?? NONE
  const nodes = useMemo(() => [...new Set(entries.map((each) => each.node).filter(Boolean))].sort(), [entries])
  const subjects = subjectsOf(kind, queued, nodes)
  const word = changeWord(kind, subject, amount)
  const { of, amount: needs } = CHANGE_KINDS[kind]
  return (
    <form
      className="panel"
      aria-label="A change"
      onSubmit={(event) => {
        event.preventDefault()
        if (!word) return
        add(word)
        setSubject('')
        setAmount('')
      }}
    >
      <div className="body form builder">
        <label className="field">
          <span className="label">Change</span>
          <select value={kind} onChange={(event) => setKind(event.target.value as ChangeKind)}>
            {Object.entries(CHANGE_KINDS).map(([each, { said }]) => (
              <option key={each} value={each}>
                {said}
              </option>
            ))}
          </select>
        </label>
        <label className="field wide-field">
          <span className="label">{of === 'quota' ? 'Queue, flavor and resource' : of === 'queue' ? 'Queue' : of === 'node' ? 'Node' : 'Policy'}</span>
          <input list="subjects" value={subject} onChange={(event) => setSubject(event.target.value)} />
          <datalist id="subjects">
            {subjects.map((each) => (
              <option key={each} value={each} />
            ))}
          </datalist>
        </label>
        {needs && (
          <label className="field">
            <span className="label">To</span>
            <input value={amount} placeholder={needs} onChange={(event) => setAmount(event.target.value)} />
          </label>
        )}
        <div className="field">
          <span className="label">&nbsp;</span>
          <button type="submit" className="act" disabled={!word}>
            Try it as well
          </button>
        </div>
      </div>
    </form>
  )
}

function Futures({ cluster, changes }: { cluster: string; changes: readonly string[] }) {
  const [search] = useList()
  const where = { ...useWhere(search), cluster }
  const source = sourceOf(useQuery(whatIf(where, changes, true)))
  const teams = useAnswer(declaredTeams(where)).data?.document.items
  const shows = { source, partial: unknownOf }
  const first = (
    <Panel title={`With ${plural(changes.length, 'change')}: ${changes.map(changeSaid).join('; ')}`} {...shows}>
      {({ document }) => (
        <>
          <Settings of={document} />
          <Sums told={document} />
          <Rests told={document} />
          <Displaced work={document.preempted} />
        </>
      )}
    </Panel>
  )
  // One answer: that it does not come is said once.
  if (!source.data && source.trouble) return first
  return (
    <>
      {first}
      <Panel title="How many have started by when" source={source} empty={({ document }) => (document.futures ? null : <span>No future bears on what waits, so both are alike.</span>)}>
        {({ document }) => <StartsChart jobs={document.jobs} />}
      </Panel>
      <div className="columns lists">
        <Panel title="Waits by queue" source={source} flush empty={({ document }) => (document.queues.length ? null : <NobodyWaits />)}>
          {({ document }) => <ByQueue of={document.queues} />}
        </Panel>
        <Panel title="Waits by team" source={source} flush empty={({ document }) => (document.jobs.length ? null : <NobodyWaits />)}>
          {({ document }) => <ByTeam of={teamFutures(document.jobs, teams ?? NONE)} />}
        </Panel>
      </div>
      <Panel
        title={source.data ? `Who starts when: ${count(source.data.document.jobs.filter((each) => moveOf(each) !== 'same').length)} otherwise than as it is` : 'Who starts when'}
        source={source}
        flush
        truncated={({ document }) => cutOf(document.jobs)}
        empty={({ document }) => (document.jobs.length ? null : <NobodyWaits />)}
      >
        {({ document }) => <WhoStarts jobs={document.jobs} />}
      </Panel>
    </>
  )
}

function NobodyWaits() {
  return (
    <>
      <strong>Nobody waits there now</strong>
      <span>So nobody waits longer, and nobody less. What runs and would lose its quota is told above.</span>
    </>
  )
}

function Settings({ of }: { of: WhatIf }) {
  if (!of.settings.length) return null
  return (
    <dl className="facts">
      {of.settings.map((each) => (
        <div key={each.what} style={{ display: 'contents' }}>
          <dt>{each.what}</dt>
          <dd>
            {each.before} → <b>{each.after}</b> {each.note && <span className="tone-wait">{each.note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  )
}

function HeadOfFutures({ of }: { of: string }) {
  return (
    <thead>
      <tr>
        <th>{of}</th>
        <th className="number" style={widthsOf('70px', '48px')}>
          Wait
        </th>
        <th className="number" style={widthsOf('104px', '96px')}>
          As it is
        </th>
        <th className="number" style={widthsOf('124px', '96px')}>
          With the change
        </th>
        <th className="number roomy wide" style={{ width: 110 }}>
          Sooner, later
        </th>
      </tr>
    </thead>
  )
}

function Both({ name, waiting, now, then, sooner, later, lost }: { name: string; waiting: number; now: number | null; then: number | null; sooner: number; later: number; lost: number }) {
  return (
    <tr>
      <td className="whole" title={name}>
        {name} {lost > 0 && <span className="tone-bad">{count(lost)} displaced</span>}
      </td>
      <td className="number">{count(waiting)}</td>
      <td className="number">{waiting ? <Wait seconds={now} /> : ''}</td>
      <td className="number">{waiting ? <Wait seconds={then} /> : ''}</td>
      <td className="number roomy wide">
        <span className={sooner ? 'tone-good' : 'faint'}>{count(sooner)}</span>, <span className={later ? 'tone-wait' : 'faint'}>{count(later)}</span>
      </td>
    </tr>
  )
}

function ByQueue({ of }: { of: readonly QueueFutures[] }) {
  return (
    <table className="table">
      <HeadOfFutures of="Queue" />
      <tbody>
        {of.map((each) => (
          <Both
            key={each.queue}
            name={each.queue}
            waiting={each.waiting}
            now={each.waitSecondsBefore}
            then={each.waitSecondsAfter}
            sooner={each.sooner}
            later={each.later}
            lost={each.displaced}
          />
        ))}
      </tbody>
    </table>
  )
}

function ByTeam({ of }: { of: readonly TeamFutures[] }) {
  return (
    <table className="table">
      <HeadOfFutures of="Team" />
      <tbody>
        {of.map((each) => (
          <Both key={each.team} name={each.team} waiting={each.waiting} now={each.now} then={each.then} sooner={each.sooner} later={each.later} lost={0} />
        ))}
      </tbody>
    </table>
  )
}
