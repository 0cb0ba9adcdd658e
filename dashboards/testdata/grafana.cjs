// What Grafana's own library makes of dashboards and of the results of their
// queries: texts and colours. It reads JSON from standard input and writes JSON
// to standard output; grafana_test.go has both ends.
//
// Not part of the library, and therefore done here, are the frames that the data
// source makes of an answer of Prometheus, and the list of options of fields.
'use strict';
const { readFileSync } = require('node:fs');

// The library asks a browser for its language, and for what renders dashboards:
// scenes, since Grafana 11.
Object.defineProperty(globalThis, 'navigator', { value: { language: 'en-US', languages: ['en-US'] }, configurable: true });
const grafana = require('@grafana/data');
globalThis.window = { __grafanaSceneContext: {} };
const { firstValueFrom } = require('rxjs');

const { mergeTransformer, organizeFieldsTransformer, renameByRegexTransformer } = grafana.standardTransformers;
grafana.standardTransformersRegistry.setInit(() =>
  [mergeTransformer, organizeFieldsTransformer, renameByRegexTransformer].map((transformation) => ({
    id: transformation.id, name: transformation.name, transformation: async () => transformation,
  })),
);

// An option of a field is set as it stands in the dashboard.
const option = (id) => {
  const isCustom = id.startsWith('custom.');
  return { id, path: isCustom ? id.slice('custom.'.length) : id, name: id, isCustom, process: (value) => value, shouldApply: () => true };
};
const options = new grafana.FieldConfigOptionsRegistry(() =>
  [
    'color', 'decimals', 'displayName', 'links', 'mappings', 'max', 'min', 'noValue', 'thresholds', 'unit',
    'custom.align', 'custom.cellOptions', 'custom.drawStyle', 'custom.fillOpacity', 'custom.inspect', 'custom.lineInterpolation', 'custom.width',
  ].map(option),
);

const number = (text) => (typeof text === 'string' ? Number(text.replace('+Inf', 'Infinity').replace('-Inf', '-Infinity')) : text);

// tableFrame has a row for each series of an instant query, with its labels.
function tableFrame(query, severalQueries) {
  const names = [...new Set(query.series.flatMap((series) => Object.keys(series.labels)))].sort();
  const value = severalQueries ? `Value #${query.refId}` : 'Value';
  return grafana.toDataFrame({
    refId: query.refId,
    fields: [
      { name: 'Time', type: 'time', values: query.series.map((series) => series.points[0][0]) },
      ...names.map((name) => ({ name, type: 'string', config: { filterable: true }, values: query.series.map((series) => series.labels[name] ?? '') })),
      { name: value, type: 'number', values: query.series.map((series) => number(series.points[0][1])) },
    ],
  });
}

// seriesFrames has a frame for each series.
function seriesFrames(query, target) {
  return query.series.map((series) =>
    grafana.toDataFrame({
      refId: query.refId,
      fields: [
        { name: 'Time', type: 'time', values: series.points.map((point) => point[0]) },
        {
          name: 'Value',
          type: 'number',
          labels: series.labels,
          config: { displayNameFromDS: target.legendFormat.replace(/{{(\w+)}}/g, (_, name) => series.labels[name] ?? '') },
          values: series.points.map((point) => number(point[1])),
        },
      ],
    }),
  );
}

async function show(panel, queries, theme) {
  const isTable = panel.type === 'table';
  const frames = queries.flatMap((query) => {
    const target = panel.targets.find(({ refId }) => refId === query.refId);
    return isTable ? [tableFrame(query, queries.length > 1)] : seriesFrames(query, target);
  });
  const replaceVariables = (text) => text;
  const transformed = await firstValueFrom(grafana.transformDataFrame(panel.transformations ?? [], frames));
  const data = grafana.applyFieldOverrides({
    data: transformed, fieldConfig: panel.fieldConfig, fieldConfigRegistry: options, replaceVariables, theme, timeZone: 'utc',
  });
  const text = (display) => grafana.formattedValueToString(display);
  switch (panel.type) {
    case 'table':
      return {
        noValue: panel.fieldConfig.defaults.noValue,
        columns: data.flatMap(({ fields }) =>
          fields.map((field) => ({
            title: grafana.getFieldDisplayName(field),
            type: field.type,
            raw: [...field.values].map((value) => (value == null ? null : String(value))),
            cells: [...field.values].map((value) => field.display(value)).map((display) => ({ text: text(display), color: display.color ?? '' })),
          })),
        ),
      };
    case 'timeseries':
      return {
        noValue: panel.fieldConfig.defaults.noValue,
        series: data.flatMap((frame) =>
          frame.fields
            .filter(({ type }) => type === 'number')
            .map((field) => ({
              name: grafana.getFieldDisplayName(field, frame, data),
              color: grafana.getFieldSeriesColor(field, theme).color,
              last: text(field.display(field.values.at(-1))),
            })),
        ),
        sortable: panel.options.legend.calcs.map((calc) => grafana.fieldReducers.get(calc).name),
      };
    default: // stat, bargauge
      return {
        values: grafana
          .getFieldDisplayValues({ data, fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables, theme, timeZone: 'utc' })
          .map(({ display, name }) => ({ title: display.title ?? name, text: text(display), color: display.color ?? '' })),
      };
  }
}

async function main() {
  const input = JSON.parse(readFileSync(0, 'utf8'));
  const output = {};
  for (const mode of ['light', 'dark']) {
    const theme = grafana.createTheme({ colors: { mode } });
    const panels = {};
    for (const { panel, queries, key } of input) {
      panels[key] = await show(panel, queries, theme);
    }
    output[mode] = { background: theme.colors.background.primary, panels };
  }
  process.stdout.write(JSON.stringify(output));
}

main();
