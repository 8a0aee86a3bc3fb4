import { Command, Option } from "commander";
import { type Config, readConfig, SETTINGS } from "../config.js";

export type SettingName = keyof typeof SETTINGS;

/** A command with a flag for each of these settings. */
export function commandWithSettings(name: string, description: string, settings: readonly SettingName[]): Command {
  const command = new Command(name).description(description);
  for (const setting of settings) command.addOption(optionOf(setting));
  return command;
}

/** Flags and environment, checked. @param options as commander parsed them */
export function configFrom(options: Readonly<Record<string, string | undefined>>): Config {
  return readConfig(process.env, options);
}

/** The flags as environment variables, for a process that is to have the same settings. @param options as commander parsed them */
export function environmentFrom(options: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const given = options[name];
    if (given !== undefined) environment[setting.environment] = given;
  }
  return environment;
}

function optionOf(name: SettingName): Option {
  const { flag, takes, description, environment, default: value } = SETTINGS[name];
  const unset = value === undefined ? "" : `, default ${value}`;
  const text = `${description} Takes ${takes} (${environment}${unset})`;
  return new Option(`${flag} <value>`, text);
}
