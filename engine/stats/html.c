/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The status page. It is complete without JavaScript. The script fetches the page every second and draws the changes since it was
 * opened.
 */
#include "html.h"

#include <inttypes.h>

#include "json.h"

enum {
	BAR_HEIGHT = 120, /* height of the chart of latencies, in its own units */
	BAR_WIDTH = 30,
	MAX_BARS = 28,    /* powers of two from 8 microseconds to the histogram's end */
};

static const char style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#636c76;--line:#e2e6ea;--card:#f6f8fa;--a:#0a58ca;--b:#1a7f37;"
	"--c:#9a6700;--d:#b3261e}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e3e6ea;--dim:#98a1ab;--line:#2b3138;--card:#1b2026;--a:#7ab4ff;"
	"--b:#56d364;--c:#e3b341;--d:#ff7b72}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;max-width:72rem;padding:1.5rem 1rem 3rem;background:var(--bg);color:var(--fg);"
	"font:1rem/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}\n"
	"h1{font-size:1.25rem;margin:0}h2{font-size:.875rem;font-weight:600;margin:0 0 .5rem}\n"
	"p{color:var(--dim);margin:.1rem 0 1rem;overflow-wrap:anywhere}\n"
	".grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,16rem),1fr));margin-bottom:1rem}\n"
	".charts{grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr))}\n"
	"section{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem;min-width:0}\n"
	".tile b{display:block;font-size:1.5rem;font-weight:600;line-height:1.3}.tile{color:var(--dim);font-size:.875rem}"
	".tile b{color:var(--fg)}\n"
	"table{width:100%;border-collapse:collapse;font-size:.875rem}\n"
	"th,td{padding:.2rem 0;text-align:right;font-weight:400;border-top:1px solid var(--line)}tr:first-child>*{border-top:0}\n"
	"th:first-child{text-align:left;overflow-wrap:anywhere}thead th{color:var(--dim);padding-left:.5rem}td{padding-left:.5rem}\n"
	"svg{display:block;width:100%;height:auto}svg text{fill:var(--dim);font-size:10px}\n"
	".bars rect{fill:var(--a)}.chart{height:7rem}.chart path{fill:none;stroke-width:1.5;vector-effect:non-scaling-stroke}\n"
	".wide{overflow-x:auto}a{color:var(--a)}[hidden]{display:none}\n";

/* Each series is a list of the last SPAN samples, one per second. The page's own JSON has the present values. */
static const char script[] =
	"const SPAN=300,series={rps:[],p99:[],open:[]};let last=null;\n"
	"const data=d=>JSON.parse(d.getElementById('data').textContent);\n"
	"const human=n=>n>=1e6?(n/1e6).toFixed(1)+' M':n>=1e4?(n/1e3).toFixed(1)+' k':n>=100||n%1===0?String(Math.round(n)):n.toFixed(1);\n"
	"const span=us=>us>=1e6?(us/1e6).toFixed(2)+' s':us>=1e3?(us/1e3).toFixed(1)+' ms':Math.round(us)+' \\u00b5s';\n"
	"function p99(now,before){\n"
	" const was=new Map(before.latency.below_us);let all=0,sum=0;\n"
	" const fresh=now.latency.below_us.map(([limit,count])=>[limit,count-(was.get(limit)||0)]);\n"
	" for(const[,count]of fresh)all+=count;\n"
	" for(const[limit,count]of fresh){sum+=count;if(all&&sum>=all*.99)return limit}\n"
	" return 0}\n"
	"function draw(name,form){\n"
	" const at=document.getElementById(name),list=series[name],top=Math.max(1,...list),wide=Math.max(60,list.length);\n"
	" const path=list.map((v,i)=>(i?'L':'M')+(wide-list.length+i)+' '+(98-96*v/top).toFixed(2)).join('');\n"
	" at.querySelector('svg').setAttribute('viewBox','0 0 '+(wide-1)+' 100');\n"
	" at.querySelector('path').setAttribute('d',path);\n"
	" at.querySelector('output').textContent=form(list.length?list[list.length-1]:0);\n"
	" at.querySelector('small').textContent='at most '+form(Math.max(0,...list))}\n"
	"function sample(now,at){\n"
	" if(last&&now.pid===last.now.pid){\n"
	"  const s=(at-last.at)/1000;series.rps.push(Math.max(0,(now.requests-last.now.requests)/s));\n"
	"  series.p99.push(p99(now,last.now))}\n"
	" series.open.push(now.connections.open);\n"
	" for(const list of Object.values(series))if(list.length>SPAN)list.shift();\n"
	" last={now,at};draw('rps',human);draw('p99',span);draw('open',human)}\n"
	"async function turn(){\n"
	" if(!document.hidden)try{\n"
	"  const answer=await fetch(location.pathname+'?format=html',{cache:'no-store',headers:{Accept:'text/html'}});\n"
	"  if(!answer.ok)throw new Error(answer.status);\n"
	"  const text=(await answer.text()).replace(/<style[^]*?<\\/style>/,'');\n" /* its nonce differs from this page's */
	"  const page=new DOMParser().parseFromString(text,'text/html');\n"
	"  for(const part of['header','main'])document.querySelector(part).replaceWith(page.querySelector(part));\n"
	"  sample(data(page),performance.now());document.getElementById('state').textContent=''}\n"
	" catch(e){document.getElementById('state').textContent='It does not answer ('+e.message+'). '}\n"
	" setTimeout(turn,1000)}\n"
	"document.getElementById('charts').hidden=false;sample(data(document),performance.now());setTimeout(turn,1000)\n";

static void put_row(FILE *out, const char *name, uint64_t value)
{
	fprintf(out, "<tr><th scope=\"row\">%s</th><td>", name);
	snapshot_put_count(out, value);
	fputs("</td></tr>\n", out);
}

static void table_begin(FILE *out, const char *title)
{
	fprintf(out, "<section><h2>%s</h2><table><tbody>\n", title);
}

static void table_end(FILE *out)
{
	fputs("</tbody></table></section>\n", out);
}

static void tiles_write(FILE *out, const struct snapshot *snapshot)
{
	const struct tux_counters *counters = &snapshot->counters;

	fputs("<div class=\"grid\">\n<section class=\"tile\"><b>", out);
	snapshot_put_count(out, counters->requests);
	fputs("</b>requests</section>\n<section class=\"tile\"><b>", out);
	snapshot_put_bytes(out, counters->sent_bytes);
	fputs("</b>sent</section>\n<section class=\"tile\"><b>", out);
	snapshot_put_count(out, counters->open);
	fputs("</b>connections of at most ", out);
	snapshot_put_count(out, snapshot->max_connections);
	fputs("</section>\n<section class=\"tile\"><b>", out);
	snapshot_put_duration(out, tux_histogram_quantile(&counters->latency, 990));
	fputs("</b>in which 99 % were answered</section>\n</div>\n", out);
}

/* Writes latencies between powers of two, as bars. */
static void latency_write(FILE *out, const struct tux_histogram *histogram)
{
	static const unsigned thousandths[] = { 500, 900, 990, 999 };
	uint64_t bar[MAX_BARS] = { tux_histogram_below(histogram, 16) }, most = 1;
	int first = -1, last = 0;

	for (int i = 0; i < MAX_BARS; i++) {
		const uint64_t limit = UINT64_C(16) << i;

		if (i > 0)
			bar[i] = tux_histogram_below(histogram, limit) - tux_histogram_below(histogram, limit / 2);
		if (bar[i] > most)
			most = bar[i];
		if (bar[i] > 0 && first < 0)
			first = i;
		if (bar[i] > 0)
			last = i;
	}
	if (first < 0)
		first = 0;
	if (last < first + 5) /* few bars would be too wide */
		last = first + 5 < MAX_BARS ? first + 5 : MAX_BARS - 1;
	fprintf(out, "<section><h2>Time to answer</h2><svg class=\"bars\" role=\"img\" aria-label=\"How many answers took how long\" "
	        "viewBox=\"0 0 %d %d\">\n", (last - first + 1) * BAR_WIDTH, BAR_HEIGHT + 15);
	for (int i = first; i <= last; i++) {
		/* Every count above 0 is visible. */
		const unsigned height = bar[i] > 0 ? 1 + (unsigned)((double)bar[i] * (BAR_HEIGHT - 1) / (double)most) : 0;

		fprintf(out, "<rect x=\"%d\" y=\"%u\" width=\"%d\" height=\"%u\" rx=\"1\"><title>%" PRIu64 " below ",
		        (i - first) * BAR_WIDTH + 1, BAR_HEIGHT - height, BAR_WIDTH - 2, height, bar[i]);
		snapshot_put_duration(out, UINT64_C(16) << i);
		fputs("</title></rect>", out);
		if ((i - first) % 2 == 1) {
			fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (i - first + 1) * BAR_WIDTH, BAR_HEIGHT + 12);
			snapshot_put_duration(out, UINT64_C(16) << i);
			fputs("</text>", out);
		}
		fputc('\n', out);
	}
	fputs("</svg><table><tbody>\n", out);
	for (unsigned i = 0; i < sizeof(thousandths) / sizeof(thousandths[0]); i++) {
		fprintf(out, "<tr><th scope=\"row\">%u%s %% below</th><td>", thousandths[i] / 10, thousandths[i] % 10 ? ".9" : "");
		snapshot_put_duration(out, tux_histogram_quantile(histogram, thousandths[i]));
		fputs("</td></tr>\n", out);
	}
	table_end(out);
}

static void reasons_write(FILE *out, const char *title, const uint64_t counts[TUX_REASONS])
{
	uint64_t sum = 0;

	table_begin(out, title);
	for (int reason = 0; reason < TUX_REASONS; reason++) {
		sum += counts[reason];
		if (counts[reason] > 0 && snapshot_reason_name((enum tux_reason)reason) != NULL)
			put_row(out, snapshot_reason_name((enum tux_reason)reason), counts[reason]);
	}
	put_row(out, "together", sum);
	table_end(out);
}

/* Writes the numbers of a row, one cell each. */
static void cells_write(FILE *out, const uint64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fputs("<td>", out);
		snapshot_put_count(out, numbers[i]);
		fputs("</td>", out);
	}
}

static void peers_write(FILE *out, const struct snapshot *snapshot)
{
	fputs("<section class=\"wide\"><h2>Upstream servers</h2><table><thead><tr><th></th><th>requests</th><th>now</th><th>errors</th>"
	      "<th>time-outs</th><th>retried</th><th>connections</th><th>99 % below</th></tr></thead><tbody>\n", out);
	for (unsigned i = 0; i < snapshot->peer_count; i++) {
		const struct snapshot_upstream *peer = &snapshot->peer[i];
		const uint64_t columns[] = { peer->counters.requests, peer->counters.active,  peer->counters.errors,
			                     peer->counters.timeouts, peer->counters.retried, peer->counters.connections };

		fputs("<tr><th scope=\"row\">", out);
		snapshot_put_escaped(out, TUX_ESCAPE_HTML, peer->upstream);
		fputs(", ", out);
		snapshot_put_escaped(out, TUX_ESCAPE_HTML, peer->server);
		fputs("</th>", out);
		cells_write(out, columns, sizeof(columns) / sizeof(columns[0]));
		fputs("<td>", out);
		snapshot_put_duration(out, tux_histogram_quantile(&peer->counters.latency, 990));
		fputs("</td></tr>\n", out);
	}
	table_end(out);
}

static void programs_write(FILE *out, const struct snapshot *snapshot)
{
	fputs("<section class=\"wide\"><h2>CGI programs</h2><table><thead><tr><th></th><th>requests</th><th>started</th><th>now</th>"
	      "<th>failed</th><th>CPU</th><th>99 % below</th></tr></thead><tbody>\n", out);
	for (unsigned i = 0; i < snapshot->program_count; i++) {
		const struct tux_program_counters *counters = &snapshot->program[i].counters;
		const uint64_t columns[] = { counters->requests, counters->started, counters->active, snapshot_failed(counters) };

		fputs("<tr><th scope=\"row\">", out);
		snapshot_put_escaped(out, TUX_ESCAPE_HTML, snapshot->program[i].name);
		if (snapshot_failed(counters) > 0) {
			fputs(" (", out);
			snapshot_put_failures(out, counters);
			fputc(')', out);
		}
		fputs("</th>", out);
		cells_write(out, columns, sizeof(columns) / sizeof(columns[0]));
		fputs("<td>", out);
		snapshot_put_duration(out, counters->cpu_us);
		fputs("</td><td>", out);
		snapshot_put_duration(out, tux_histogram_quantile(&counters->duration, 990));
		fputs("</td></tr>\n", out);
	}
	table_end(out);
}

static void modules_write(FILE *out, const struct snapshot *snapshot)
{
	fputs("<section class=\"wide\"><h2>Modules</h2><table><thead><tr><th></th><th>requests</th><th>now</th>", out);
	for (unsigned outcome = 1; outcome < SNAPSHOT_OUTCOMES; outcome++)
		fprintf(out, "<th>%s</th>", snapshot_outcome_name(outcome));
	fputs("<th>long calls</th><th>99 % below</th></tr></thead><tbody>\n", out);
	for (unsigned i = 0; i < snapshot->module_count; i++) {
		const struct tux_module_counters *counters = &snapshot->module[i].counters;
		uint64_t columns[SNAPSHOT_OUTCOMES + 2] = { counters->requests, counters->active };

		for (unsigned outcome = 1; outcome < SNAPSHOT_OUTCOMES; outcome++)
			columns[outcome + 1] = snapshot_outcome(counters, outcome);
		columns[SNAPSHOT_OUTCOMES + 1] = counters->long_calls;
		fputs("<tr><th scope=\"row\">", out);
		snapshot_put_escaped(out, TUX_ESCAPE_HTML, snapshot->module[i].name);
		fputs(" (", out);
		snapshot_put_host(out, &snapshot->module[i]);
		fputs(")</th>", out);
		cells_write(out, columns, sizeof(columns) / sizeof(columns[0]));
		fputs("<td>", out);
		snapshot_put_duration(out, tux_histogram_quantile(&counters->duration, 990));
		fputs("</td></tr>\n", out);
	}
	table_end(out);
}

static void certificates_write(FILE *out, const struct snapshot *snapshot)
{
	fputs("<section class=\"wide\"><h2>Certificates</h2><table><thead><tr><th></th><th>days left</th></tr></thead><tbody>\n", out);
	for (unsigned i = 0; i < snapshot->certificate_count; i++) {
		const struct tux_certificate_state *const certificate = &snapshot->certificate[i];

		fputs("<tr><th scope=\"row\">", out);
		snapshot_put_escaped(out, TUX_ESCAPE_HTML, certificate->host);
		fputs(certificate->host[0] != '\0' ? ", " : "", out);
		snapshot_put_escaped(out, TUX_ESCAPE_HTML, certificate->file);
		fputs(certificate->temporary ? " (temporary: no client trusts it)" : "", out);
		if (certificate->end <= snapshot->now)
			fputs("</th><td>expired</td></tr>\n", out);
		else
			fprintf(out, "</th><td>%" PRId64 "</td></tr>\n", snapshot_days_left(snapshot, certificate));
	}
	if (snapshot->renews)
		put_row(out, "renewals failed", snapshot->renewals_failed);
	table_end(out);
}

static void tables_write(FILE *out, const struct snapshot *snapshot)
{
	const struct tux_counters *counters = &snapshot->counters;
	char name[8];

	fputs("<div class=\"grid\">\n", out);
	table_begin(out, "Answers by status");
	for (unsigned i = 0; i < TUX_STATUSES; i++) {
		if (counters->status[i] == 0)
			continue;
		snprintf(name, sizeof(name), "%u", TUX_FIRST_STATUS + i);
		put_row(out, name, counters->status[i]);
	}
	put_row(out, "refused", counters->refused);
	put_row(out, "5xx or cut short", counters->errors);
	if (counters->modules_absent > 0)
		put_row(out, "of a module that is not loaded", counters->modules_absent);
	table_end(out);
	latency_write(out, &counters->latency);
	table_begin(out, "Connections");
	for (int phase = 0; phase < TUX_PHASES; phase++)
		put_row(out, snapshot_phase_name((enum tux_phase)phase), counters->phase[phase]);
	if (snapshot->kernel)
		put_row(out, "in the kernel", counters->kernel_open);
	put_row(out, "accepted", counters->connections);
	if (counters->handshakes + counters->handshakes_failed > 0) {
		put_row(out, "handshakes of TLS", counters->handshakes);
		put_row(out, "of them resumed", counters->handshakes_resumed);
		put_row(out, "failed handshakes", counters->handshakes_failed);
		put_row(out, "of them over a client's limit", counters->handshakes_limited);
	}
	table_end(out);
	table_begin(out, "Cache and log");
	put_row(out, "hits", counters->cache_hits);
	put_row(out, "misses", counters->cache_misses);
	put_row(out, "files", counters->cached);
	put_row(out, "bytes in memory", counters->cached_bytes);
	put_row(out, "open files", counters->cached_files);
	put_row(out, "log records lost", counters->records_lost);
	put_row(out, "error lines left out", counters->error_lines_left_out);
	table_end(out);
	if (snapshot->kernel) {
		table_begin(out, "Kernel engine");
		put_row(out, "requests", counters->kernel_requests);
		put_row(out, "connections given back", counters->given_back);
		table_end(out);
		reasons_write(out, "Handed up, by reason", counters->handed_up);
		reasons_write(out, "Handed over, by reason", counters->handed_over);
	}
	fputs("</div>\n", out);
	if (snapshot->certificate_count > 0)
		certificates_write(out, snapshot);
	if (snapshot->peer_count > 0)
		peers_write(out, snapshot);
	if (snapshot->program_count > 0)
		programs_write(out, snapshot);
	if (snapshot->module_count > 0)
		modules_write(out, snapshot);
}

static void chart_write(FILE *out, const char *id, const char *title, const char *colour)
{
	fprintf(out, "<section id=\"%s\" class=\"tile\"><b><output></output></b>%s \302\267 <small></small>"
	        "<svg class=\"chart\" viewBox=\"0 0 300 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s, over the last five "
	        "minutes\"><path stroke=\"var(--%s)\" d=\"\"/></svg></section>\n", id, title, title, colour);
}

void html_write(FILE *out, const struct snapshot *snapshot, const char *nonce)
{
	const uint64_t up_s = snapshot->up_ms / 1000;

	fprintf(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>TUX status</title>"
	        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
	        "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">"
	        "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>"
	        "<style nonce=\"%s\">\n%s</style></head>\n<body>\n", nonce, style);
	fputs("<header><h1>TUX ", out);
	snapshot_put_escaped(out, TUX_ESCAPE_HTML, snapshot->version);
	fputs(snapshot->ready ? "</h1>\n<p>engine " : "</h1>\n<p><b>Not ready: it stops, or another process serves.</b> engine ", out);
	snapshot_put_escaped(out, TUX_ESCAPE_HTML, snapshot->engine);
	fprintf(out, ", %u thread%s, process %" PRIu64 ", up for %" PRIu64 " d %u h %u min %u s. ", snapshot->threads,
	        snapshot->threads == 1 ? "" : "s", snapshot->pid, up_s / 86400, (unsigned)(up_s / 3600 % 24), (unsigned)(up_s / 60 % 60),
	        (unsigned)(up_s % 60));
	fputs("<a href=\"?format=prometheus\">Prometheus</a>, <a href=\"?format=json\">JSON</a></p></header>\n"
	      "<div id=\"charts\" class=\"grid charts\" hidden>\n", out);
	chart_write(out, "rps", "requests a second", "a");
	chart_write(out, "p99", "in which 99 % were answered", "c");
	chart_write(out, "open", "connections", "b");
	fputs("</div>\n<main>\n", out);
	tiles_write(out, snapshot);
	tables_write(out, snapshot);
	fputs("</main>\n<p id=\"state\" role=\"status\"></p>\n<script type=\"application/json\" id=\"data\">", out);
	json_write(out, snapshot);
	fprintf(out, "</script>\n<script nonce=\"%s\">\n%s</script>\n</body></html>\n", nonce, script);
}
