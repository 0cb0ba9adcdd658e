// A dashboard as Grafana shows it: its own components, of the packages that it
// publishes, in a page that does what is not among them: it asks Prometheus for
// the panels' queries, and lays the panels out. take.mjs has the other end.
import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { firstValueFrom } from 'rxjs';
import * as grafana from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { BarGauge, BigValue, GlobalStyles, PanelChrome, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';

const { dashboard, prometheus, log, seconds, width, mode } = window.wanted;
const theme = grafana.createTheme({ colors: { mode } });
const end = Math.floor(Date.now() / 1000);
const begin = end - seconds;
const [from, to] = [begin, end].map((time) => grafana.dateTime(time * 1000));
const timeRange = { from, to, raw: { from, to } };
const replaceVariables = (text) => text;

// What take.mjs wants to know.
const state = (window.state = { pending: 0, errors: [], done: false });

const { mergeTransformer, organizeFieldsTransformer, renameByRegexTransformer } = grafana.standardTransformers;
grafana.standardTransformersRegistry.setInit(() =>
  [mergeTransformer, organizeFieldsTransformer, renameByRegexTransformer].map((transformation) => ({
    id: transformation.id, name: transformation.name, transformation: async () => transformation,
  })),
);

// An option of a field is set as it stands in the dashboard; the time has no title.
function optionsOf(panels) {
  const ids = new Set(['color', 'decimals', 'displayName', 'links', 'mappings', 'max', 'min', 'noValue', 'thresholds', 'unit']);
  for (const { fieldConfig } of panels.filter((panel) => panel.fieldConfig)) {
    Object.keys(fieldConfig.defaults.custom ?? {}).forEach((name) => ids.add(`custom.${name}`));
    fieldConfig.overrides.flatMap(({ properties }) => properties).forEach(({ id }) => ids.add(id));
  }
  return [...ids].map((id) => {
    const isCustom = id.startsWith('custom.');
    return {
      id, name: id, isCustom, path: isCustom ? id.slice('custom.'.length) : id, process: (value) => value,
      shouldApply: (field) => id !== 'custom.axisLabel' || field.type === 'number',
    };
  });
}
const fieldConfigRegistry = new grafana.FieldConfigOptionsRegistry(() => optionsOf(dashboard.panels));

async function ask(path, parameters) {
  const response = await fetch(prometheus + path, { method: 'POST', body: new URLSearchParams(parameters) });
  const { status, data, error } = await response.json();
  if (status !== 'success') {
    throw new Error(error);
  }
  return data;
}

const inSeconds = (duration) => ({ s: 1, m: 60, h: 3600, d: 86400, w: 604800 })[duration.slice(-1)] * parseFloat(duration);
const steps = [15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 86400];
const variables = {};

// interpolate writes time range and variables into an expression of a panel of so many
// pixels, as Grafana does for a data source with a scrape interval of 15 seconds.
function interpolate(expr, least, pixels) {
  const scrape = least ? inSeconds(least) : 15;
  const step = steps.find((step) => step >= Math.max(seconds / pixels, scrape));
  const texts = {
    __rate_interval: `${Math.max(step + scrape, 4 * scrape)}s`, __range_s: seconds, __range: `${seconds}s`, __interval: `${step}s`, ...variables,
  };
  const names = Object.keys(texts).sort((a, b) => b.length - a.length);
  return [names.reduce((text, name) => text.replaceAll(`$${name}`, texts[name]), expr), step];
}

// choose gives All to every variable but the log.
async function choose() {
  for (const variable of dashboard.templating.list.filter(({ type }) => type === 'query')) {
    if (variable.name === 'log') {
      variables.log = log;
    } else if (variable.allValue) {
      variables[variable.name] = variable.allValue;
    } else {
      const [, selector, label] = /^label_values\((.*), *(\w+)\)$/s.exec(variable.query);
      const series = await ask('/api/v1/series', { 'match[]': interpolate(selector, '', width)[0], start: begin, end });
      const values = [...new Set(series.map((labels) => labels[label] ?? ''))].sort();
      variables[variable.name] = `(${values.map((value) => value.replace(/[.*+?^${}()|[\]\\]/g, '\\\\$&')).join('|')})`;
    }
  }
}

const number = (text) => (text === null ? null : Number(text.replace('Inf', 'Infinity')));

// withGaps puts a null where a point is missing, as lines end there.
function withGaps(points, step) {
  return points.flatMap((point, i) => (i > 0 && point[0] - points[i - 1][0] > 1.5 * step ? [[point[0] - step, null], point] : [point]));
}

async function framesOf(panel, target, pixels) {
  const [query, step] = interpolate(target.expr, target.interval, pixels);
  const { result } = target.instant
    ? await ask('/api/v1/query', { query, time: end })
    : await ask('/api/v1/query_range', { query, step, start: Math.floor(begin / step) * step, end: Math.floor(end / step) * step });
  const { refId } = target;
  if (panel.type === 'table') {
    const names = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
    const value = panel.targets.length > 1 ? `Value #${refId}` : 'Value';
    return [grafana.toDataFrame({ refId, fields: [
      { name: 'Time', type: 'time', values: result.map((series) => series.value[0] * 1000) },
      ...names.map((name) => ({ name, type: 'string', values: result.map(({ metric }) => metric[name] ?? '') })),
      { name: value, type: 'number', values: result.map((series) => number(series.value[1])) },
    ] })];
  }
  return result.map((series) => {
    const points = target.instant ? [series.value] : withGaps(series.values, step);
    const name = target.legendFormat === '__auto' ? {} : { displayNameFromDS: target.legendFormat.replace(/{{(\w+)}}/g, (_, label) => series.metric[label] ?? '') };
    return grafana.toDataFrame({ refId, fields: [
      { name: 'Time', type: 'time', values: points.map(([time]) => time * 1000), config: { interval: step * 1000 } },
      { name: 'Value', type: 'number', labels: series.metric, config: name, values: points.map(([, text]) => number(text)) },
    ] });
  });
}

async function load(panel, pixels) {
  const frames = (await Promise.all(panel.targets.map((target) => framesOf(panel, target, pixels)))).flat();
  const data = await firstValueFrom(grafana.transformDataFrame(panel.transformations ?? [], frames));
  const shown = grafana.applyFieldOverrides({ data, fieldConfig: panel.fieldConfig, fieldConfigRegistry, replaceVariables, theme, timeZone: 'utc' });
  grafana.cacheFieldDisplayNames(shown); // tables look for them there
  return shown;
}

function Panel({ panel, width, height }) {
  const [frames, setFrames] = React.useState();
  React.useEffect(() => {
    state.pending++;
    load(panel, width)
      .then(setFrames, (error) => state.errors.push(`${panel.title}: ${error}`))
      .finally(() => state.pending--);
  }, []);
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
      {(width, height) => frames && <Visualization panel={panel} frames={frames} width={width} height={height} />}
    </PanelChrome>
  );
}

function Visualization({ panel, frames, ...size }) {
  const { type, options, fieldConfig } = panel;
  if (type === 'stat' || type === 'bargauge') {
    return <Values panel={panel} frames={frames} {...size} />;
  }
  if (!frames.some(({ length }) => length > 0)) {
    const style = { ...size, display: 'grid', placeContent: 'center', color: theme.colors.text.secondary };
    return <div style={style}>{fieldConfig.defaults.noValue}</div>;
  }
  if (type === 'table') {
    return <TableNG data={frames[0]} {...size} cellHeight={options.cellHeight} sortBy={options.sortBy} fieldConfig={fieldConfig} enableVirtualization={false} getActions={() => []} />;
  }
  return <TimeSeries frames={frames} {...size} timeRange={timeRange} timeZone="utc" legend={options.legend} options={options} />;
}

function Values({ panel, frames, ...size }) {
  const { type, options, fieldConfig } = panel;
  const values = grafana.getFieldDisplayValues({ data: frames, fieldConfig, reduceOptions: options.reduceOptions, replaceVariables, theme, timeZone: 'utc' });
  return (
    <VizRepeater
      {...size} source={frames} renderCounter={0} orientation={options.orientation} autoGrid={type === 'stat'} itemSpacing={type === 'stat' ? 3 : 10}
      minVizHeight={options.minVizHeight} getValues={() => values} getAlignmentFactors={grafana.getDisplayValueAlignmentFactors}
      renderValue={({ value: { display, field }, ...rest }) =>
        type === 'stat'
          ? <BigValue {...rest} {...options} value={display} disableWideLayout={!options.wideLayout} theme={theme} />
          : <BarGauge {...rest} {...options} value={display} field={field} valueDisplayMode={options.valueMode} theme={theme} />
      }
    />
  );
}

// The grid has 24 columns, and rows of 30 pixels with gaps of 8.
const [row, gap, margin, top] = [30, 8, 16, 60];

function Dashboard() {
  const column = (width - 2 * margin + gap) / 24;
  const bottom = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h));
  return (
    <div id="dashboard" style={{ position: 'relative', width, height: top + bottom * (row + gap) + gap, background: theme.colors.background.canvas }}>
      <Variables />
      {dashboard.panels.map((panel) => {
        const { x, y, w, h } = panel.gridPos;
        const [width, height] = [w * column - gap, h * (row + gap) - gap];
        return (
          <div key={panel.id} style={{ position: 'absolute', left: margin + x * column, top: top + y * (row + gap), width, height }}>
            {panel.type === 'row' ? <b>{panel.title}</b> : <Panel panel={panel} width={width} height={height} />}
          </div>
        );
      })}
    </div>
  );
}

function Variables() {
  const shown = dashboard.templating.list.filter(({ hide }) => hide !== 2);
  const value = ({ name, type }) => (type === 'datasource' ? 'Prometheus' : name === 'log' ? log : 'All');
  const border = `1px solid ${theme.colors.border.medium}`;
  return (
    <div style={{ position: 'absolute', left: margin, top: 14, display: 'flex', gap, alignItems: 'center' }}>
      <b style={{ marginRight: margin }}>{dashboard.title}</b>
      {shown.map((variable) => (
        <span key={variable.name} style={{ border, padding: '4px 8px', background: theme.colors.background.primary }}>
          <span style={{ color: theme.colors.text.secondary, marginRight: gap }}>{variable.label}</span>
          {value(variable)}
        </span>
      ))}
    </div>
  );
}

async function main() {
  await initPluginTranslations('pictures', []);
  await Promise.all(['400 14px Inter', '500 14px Inter'].map((font) => document.fonts.load(font)));
  await choose();
  createRoot(document.getElementById('root')).render(
    <grafana.ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Dashboard />
    </grafana.ThemeContext.Provider>,
  );
  state.done = true;
}

main().catch((error) => state.errors.push(String(error)));
