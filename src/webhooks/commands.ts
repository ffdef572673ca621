import { Option, type Command } from 'commander'
import { apiOf, listing, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import { unknownName } from '../kernel/unknown-name.ts'
import type { Delivery, Outcome, Webhook } from './schema.ts'

export function addWebhookCommands(program: Command): void {
  const webhooks = withServerOptions(
    program.command('webhooks').description('addresses that hear of events, or what one was sent'),
  )
    .argument('[webhook]', 'name or id: what was sent to it, and what it answered')
    .action(listAll)
  withServerOptions(webhooks.command('add').description('add a webhook'))
    .argument('<name>', 'name for people')
    .argument('<url>', 'http or https address')
    .argument('<events...>', 'such as alert.raised, rollout.changed or model_version.created')
    .addOption(
      new Option('--secret-env <variable>', 'environment variable with the secret that signs each delivery'),
    )
    .action(add)
  withServerOptions(webhooks.command('test').description('send an example of an event'))
    .argument('<webhook>', 'name or id')
    .argument('[event]', 'default: the first that the webhook is for')
    .action(test)
  withServerOptions(webhooks.command('redeliver').description('send a delivery that has ended once more'))
    .argument('<webhook>', 'name or id')
    .argument('<delivery>', 'id of the delivery')
    .action(again)
  withServerOptions(webhooks.command('remove').description('delete a webhook'))
    .argument('<webhook>', 'name or id')
    .action(remove)
}

async function listAll(name: string | undefined, options: CommandOptions): Promise<void> {
  const api = apiOf(options)
  if (name !== undefined) {
    const { id } = await find(options, name)
    const { items } = await api.get<{ items: Delivery[] }>(`/webhooks/${id}/deliveries`)
    const rows = items.map(({ id: delivery, event, state, createdMs, attempts }) => [
      delivery,
      event,
      state,
      time(createdMs),
      attempts.map(({ status, error }) => status ?? error ?? '').join(' '),
    ])
    return print(options, items, () =>
      listing(
        ['delivery', 'event', 'state', 'at', 'answers'],
        rows,
        `Nothing was sent to ${name} yet: \`tidemill webhooks test ${name}\` sends an event.`,
      ),
    )
  }
  const { items } = await api.get<{ items: Webhook[] }>('/webhooks')
  const rows = items.map(({ name: own, url, status, events }) => [own, status, url, events.join(' ')])
  print(options, items, () =>
    listing(
      ['name', 'status', 'url', 'events'],
      rows,
      'No webhooks yet: `tidemill webhooks add <name> <url> <events...>` makes one.',
    ),
  )
}

async function add(
  name: string,
  url: string,
  events: string[],
  options: CommandOptions & { secretEnv?: string },
): Promise<void> {
  const secret = options.secretEnv === undefined ? undefined : process.env[options.secretEnv]
  if (options.secretEnv !== undefined && !secret)
    throw new AppError('invalid', `The environment variable ${options.secretEnv} is empty`)
  const body = { name, url, events, ...(secret && { secret }) }
  const webhook = await apiOf(options).post<Webhook>('/webhooks', body)
  print(options, webhook, () => `Added ${webhook.name} (${webhook.id}).`)
}

async function test(name: string, event: string | undefined, options: CommandOptions): Promise<void> {
  const { id } = await find(options, name)
  const outcome = await apiOf(options).post<Outcome>(`/webhooks/${id}/test`, { ...(event && { event }) })
  const { status, latencyMs, error } = outcome
  print(
    options,
    outcome,
    () => `${outcome.isSuccess ? 'Taken' : 'Not taken'}: ${status ?? error} after ${latencyMs} ms.`,
  )
  if (!outcome.isSuccess) process.exitCode = 1
}

async function again(name: string, delivery: string, options: CommandOptions): Promise<void> {
  const { id } = await find(options, name)
  await apiOf(options).post(`/webhooks/${id}/deliveries/${encodeURIComponent(delivery)}/redeliver`)
  print(options, {}, () => `Sending ${delivery} once more.`)
}

async function remove(name: string, options: CommandOptions): Promise<void> {
  const { id } = await find(options, name)
  await apiOf(options).request('DELETE', `/webhooks/${id}`)
  print(options, {}, () => `Deleted ${name}.`)
}

async function find(options: CommandOptions, name: string): Promise<Webhook> {
  const { items } = await apiOf(options).get<{ items: Webhook[] }>('/webhooks?limit=1000')
  const found = items.find((webhook) => webhook.id === name) ?? items.find((webhook) => webhook.name === name)
  if (found) return found
  throw unknownName(
    'webhook',
    name,
    items.map((webhook) => webhook.name),
  )
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19)
}
