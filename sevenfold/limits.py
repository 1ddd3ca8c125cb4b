"""Every bound in one place, with the unit in the name. Append new ones under the part they belong to."""

from __future__ import annotations

# --- events -------------------------------------------------------------------------------------------------
EVENT_BYTES_MAX = 32 * 1024
"""An event's JSON; the Segment limit. Larger ones are refused alone, never their batch."""
EVENT_DEPTH_LEVELS_MAX = 6
"""Nested objects and arrays inside one property or trait."""
EVENT_NAME_CHARS_MAX = 256
IDENTIFIER_CHARS_MAX = 512
MESSAGE_ID_CHARS_MAX = 100
"""Longer message ids are replaced by their digest, not refused."""
NUMBER_MAGNITUDE_MAX = 9_000_000_000_000
"""Numbers beyond it are refused: in 1e-6 units it still fits an int64."""
CLOCK_SKEW_IGNORED_MS_MAX = 5_000
"""A client clock this near to ours counts as right."""
CLOCK_SKEW_TRUSTED_MS_MAX = 30 * 86_400_000
"""Beyond it the client's clock is unusable, and the age it claims for an event is bounded by this much."""
EVENT_TIME_MS_MIN = 0
"""1970-01-01; earlier times are invalid."""

# --- log ----------------------------------------------------------------------------------------------------
RECORD_EVENTS_MAX = 4_096
RECORD_BYTES_MAX = 16 * 1024 * 1024
"""A record's payload before compression."""
SEGMENT_BYTES_MAX = 1_000_000_000
DEDUP_WINDOW_IDS_MAX = 4_000_000
"""Message ids held exactly in memory; older ones live in sorted runs on disk."""
DEDUP_FILTER_BITS_PER_ID = 10
DEDUP_FRESH_IDS_MAX = 32_768
"""Message ids held in a set before they are sorted into an array."""
DEDUP_RUNS_PER_TIER_MAX = 8
"""Runs on disk of about one size before they are merged into one."""
COMMIT_EVENTS_MAX = 65_536
"""Events that one group commit takes together."""
DEAD_LETTERS_LIST_ROWS_MAX = 10_000
"""Dead letters one call may list."""
LOG_READ_RECORDS_MAX = 10_000
"""Records one read may return."""

# --- workspace ----------------------------------------------------------------------------------------------
EXPRESSION_CHARS_MAX = 4_000
"""A condition's text."""
WORKSPACE_FILE_BYTES_MAX = 4 * 1024 * 1024
"""One YAML file."""
WORKSPACE_FILES_MAX = 2_000
"""YAML files of one workspace folder."""
WORKSPACE_NODES_MAX = 200_000
"""Values in one YAML file once its aliases are expanded."""
WORKSPACE_DEPTH_LEVELS_MAX = 64
"""Nested mappings and lists in a YAML file."""
WORKSPACE_PROBLEMS_MAX = 1_000
"""Problems reported at once."""
EXTENDS_LEVELS_MAX = 8
"""Workspaces below one another."""
WINDOW_MS_MAX = 5 * 365 * 86_400_000
"""The longest window or duration an object may name: five years."""
CATALOGUE_ROWS_MAX = 100_000
CATALOGUE_BYTES_MAX = 64 * 1024 * 1024
"""A catalogue's CSV file."""
LIST_IMPORT_ROWS_MAX = 1_000_000
"""Rows of one manual list's CSV file."""
LIST_REFUSED_ROWS_SHOWN_MAX = 1_000
"""Refused rows kept with their reason; further ones are only counted."""

# --- fold ---------------------------------------------------------------------------------------------------
WINDOW_EXACT_MS_MAX = 35 * 86_400_000
"""Longer windows count whole UTC days."""
DISTINCT_VALUES_MAX = 256
"""Different values one subject's distinct signal tells apart."""
REMEMBERED_VALUES_MAX = 64
"""Values one subject's `values` signal remembers."""
EVALUATION_PASSES_MAX = 8
"""Passes over a subject's segments, scores and stages in one operation."""
DICTIONARY_VALUES_MAX = 1_000_000
"""Different texts one attribute tells apart; further ones become `other`."""
PROFILE_EVENTS_PER_HOUR_MAX = 10_000
"""Events of one profile in one hour of engine time; what comes beyond changes nothing and is counted."""
ACCOUNT_TICK_MS = 1_000
"""Accounts close at multiples of this."""

# --- simulate -----------------------------------------------------------------------------------------------
SIMULATION_WRITE_EVENTS_MAX = 4_096
"""Events encoded together when a simulation is written to a file."""

# --- importers ----------------------------------------------------------------------------------------------
IMPORT_BATCH_ROWS_MAX = 20_000
"""Rows that a reader hands on at once."""
IMPORT_SORT_ITEMS_MAX = 250_000
"""Items sorted in memory; more are sorted in parts, which wait on the disk to be merged."""
IMPORT_LOOKUP_ROWS_MAX = 1_000_000
"""Rows of a file that other files look values up in."""
IMPORT_LIST_ITEMS_MAX = 200
"""Lines kept in a property that lists a group's rows, so that the event stays below its bytes."""
IMPORT_LINE_BYTES_MAX = 1024 * 1024
"""A line of an NDJSON file."""
MAPPING_FILE_BYTES_MAX = 256 * 1024

# --- replay -------------------------------------------------------------------------------------------------
REPLAY_TABLE_BUFFER_ROWS = 16_384
"""Rows of one output table held before they are written."""
REPLAY_READ_RECORDS_MAX = 16
"""Records of a log held at once."""
EXPLAIN_EVENTS_MAX = 2_000_000
"""Events of one subject's relations that an explanation folds again."""
FRAME_ROWS_MAX = 20_000
"""Rows of a data frame turned into events at once."""
REPORT_SUBJECT_REASONS_MAX = 5
"""Reasons shown for one move between stages."""

# --- journey times ------------------------------------------------------------------------------------------
ZONE_CACHED_ENTRIES_MAX = 256
"""Pieces of about 199 days whose clock changes one time zone remembers."""
ZONE_NAMES_CACHED_ENTRIES_MAX = 2_048
"""Spellings of time zones that are remembered."""
QUIET_SEARCH_MS_MAX = 48 * 3_600_000
"""How far ahead an hour is looked for that is quiet in none of the zones somebody may be in."""
WINDOWS_ITEMS_MAX = 100
"""Weekly windows of one list."""
HOLIDAYS_DAYS_MAX = 10_000
"""Holidays of one business calendar."""
BUSINESS_WEEK_MS_MIN = 3_600_000
"""The shortest week of a business calendar."""
RECURRENCE_CHARS_MAX = 2_000
"""A schedule's text."""
RECURRENCE_VALUES_MAX = 10_000
"""COUNT of a schedule, and its excluded dates."""
RECURRENCE_CACHED_VALUES_MAX = 64
"""Coming dates of a schedule that are worked out at once."""

# --- templates ----------------------------------------------------------------------------------------------
TEMPLATE_BYTES_MAX = 256 * 1024
"""One text of a template, or a partial."""
TEMPLATE_OUTPUT_BYTES_MAX = 512 * 1024
"""What one text renders to, and any value on the way there."""
TEMPLATE_LOCAL_BYTES_MAX = 1024 * 1024
"""Everything that `assign` and `capture` hold at a time."""
TEMPLATE_LOOP_ITEMS_MAX = 10_000
"""Turns of all loops of one text together, and items of one list on the way."""
TEMPLATE_NESTING_LEVELS_MAX = 20
"""Blocks inside blocks, partials inside partials, lists inside lists of a payload."""
TEMPLATE_MARKUP_LEVELS_MAX = 60
"""MJML elements inside one another."""
TEMPLATE_OPERATIONS_PER_RENDER_MAX = 1_000_000
"""Look-ups, filters and nodes of one text; about a second."""
TEMPLATE_NUMBER_MAGNITUDE_MAX = 10**18
"""Numbers computed in a template."""
TEMPLATE_LINKS_ITEMS_MAX = 500
"""Links of one message that are followed."""
TEMPLATE_CLIPPED_BYTES = 102 * 1024
"""HTML beyond it is clipped by Gmail; a preview warns."""
TEMPLATE_VERSIONS_KEPT_ITEMS_MAX = 1_000
"""Compiled versions of templates that a sender keeps."""

# --- journeys: runs -----------------------------------------------------------------------------------------
JOURNEY_VERSIONS_MAX = 10_000
"""Versions of journeys that still have runs."""
ENTITY_KEY_DAYS = 400
"""How long an entity's key bars a second entry."""

# --- journeys: what an author may ask for
# --------------------------------------------------------------------
JOURNEY_STEPS_MAX = 500
"""Steps of one journey, blocks written out."""
JOURNEY_VISITS_MAX = 1_000
"""What `visits_max` may say: how often a run may come to one step."""
JOURNEY_RULES_ITEMS_MAX = 30
"""Goals of one journey; its triggers; its exits; paths of one step."""
JOURNEY_RUNS_MAX = 1_000_000_000
"""What a limit of runs may say."""
JOURNEY_SUBJECT_RUNS_MAX = 1_000
"""What `unlimited` and `concurrent_journeys` may say: runs of one subject at the same time."""
JOURNEY_PRIORITY_VALUES_MAX = 100
"""The highest priority; the lowest is 0."""
MESSAGE_RECIPIENTS_ITEMS_MAX = 100
"""Members of an account that one step may write to."""
LIMIT_COUNT_VALUES_MAX = 1_000_000_000
"""The number in a limit such as `500 per 1h`, and in a cap."""

# --- messages -----------------------------------------------------------------------------------------------
LEDGER_KINDS_ENTRIES_MAX = 1 << 18
"""Kinds of message (step, template, channel, ...) that ledgers tell apart."""
MESSAGE_SETTLED_MS_MAX = 30 * 86_400_000
"""How long a message whose outcome is known is remembered, for later ones (opened, bounced)."""
MESSAGE_SETTLED_ENTRIES_MAX = 500_000
"""Messages whose outcome is known that are remembered."""
OPT_OUT_IMPORT_ROWS_MAX = 100_000
"""Opt-outs of one control record."""

# --- people, tasks, playbooks, offers, broadcasts -----------------------------------------------------------
TASK_SNOOZE_MS_MAX = 30 * 86_400_000
"""How far ahead a task may be put off at a time."""
TASKS_RETRIED_MAX = 100
"""Tasks without an owner that are offered again in one operation."""
TASK_TEXT_CHARS_MAX = 4_000
"""A note, and any other text that a control record puts on a task."""
OFFER_CODES_ENTRIES_MAX = 1_000_000
"""Codes of one pool."""
OFFER_CODE_CHARS_MAX = 64
BROADCAST_EXCESS_PER_HUNDRED_MAX = 10
"""How much larger than acknowledged an audience may be."""

# --- scenarios and trying out -------------------------------------------------------------------------------
SCENARIO_ENTRIES_MAX = 100_000
"""Moments of one scenario, repeated ones counted."""
SCENARIO_EXPORT_EVENTS_MAX = 5_000
"""Events of one exported scenario; of more, people are too connected to be read."""
SCENARIO_EXPORT_CHECKS_ITEMS_MAX = 60
"""Moments at which an exported scenario asks questions."""
TRY_DAYS = 800
"""How far time is run forward to see the end of a journey."""

# --- keys, the admin API ------------------------------------------------------------------------------------
KEYS_ROWS_MAX = 10_000
"""Keys of one data folder, revoked ones included; all are held in memory."""
KEY_NAME_CHARS_MAX = 200
SOURCE_NAME_CHARS_MAX = 100
KEY_RECHECK_MS = 1_000
"""How soon a key made or revoked by another process counts."""
KEY_USED_WRITE_MS = 60_000
"""How exactly it is known when a key was last used."""
KEY_OVERLAP_DEFAULT_MS = 24 * 3_600_000
"""How long a rotated key stays valid beside its successor."""

# --- channels -----------------------------------------------------------------------------------------------
CHANNEL_ANSWER_BYTES_MAX = 256 * 1024
"""What is read of a provider's answer."""
CHANNEL_DETAIL_CHARS_MAX = 300
"""A provider's words, as they are kept."""
CHANNEL_RETRY_AFTER_S_MAX = 86_400
"""The longest wait that a provider is granted."""
CHANNEL_MESSAGE_BYTES_MAX = 2 * 1024 * 1024
"""An e-mail as it is sent; templates keep well below it."""
INBOUND_BODY_BYTES_MAX = 4 * 1024 * 1024
"""One call of a provider, and one returned mail."""
INBOUND_ITEMS_MAX = 10_000
"""News in one call of a provider."""
SNS_AGE_S_MAX = 7_200
"""How old a message of Amazon SNS may be: it is tried again for an hour."""
SNS_CERTIFICATES_KEPT_ITEMS_MAX = 16
SENDGRID_AGE_S_MAX = 90_000
"""How old a signed call of SendGrid may be: it tries for 24 hours, and nowhere says that it signs again.
What is repeated meanwhile is known by its key.
"""
SUPPRESSION_IMPORT_ROWS_MAX = 1_000_000
"""Rows of a former provider's export."""
API_BODY_BYTES_MAX = 1024 * 1024
"""A request of the API."""
API_BODY_LARGE_BYTES_MAX = 16 * 1024 * 1024
"""A request that brings a workspace, or a file to import."""
API_PAGE_ITEMS_MAX = 200
"""Items of one page of a list."""
API_EFFECTS_SHOWN_ITEMS_MAX = 200
"""Effects of one change that its answer shows."""
API_ONCE_KEY_CHARS_MAX = 200
API_ONCE_KEPT_MS = 24 * 3_600_000
"""How long the answer to a request with an idempotency key is repeated."""
API_ONCE_STALE_MS = 60_000
"""After so long a request that has no answer is taken for one that died."""
STREAM_HEARTBEAT_S = 15
"""Silence after which the live stream says that it is there."""
STREAMS_AT_ONCE_ITEMS_MAX = 100
"""Live streams at a time."""
QUESTION_ROWS_MAX = 10_000
"""Subjects that one question to the fold looks at; more are asked for again."""
QUESTION_TEXT_BYTES_MAX = 4 * 1024 * 1024
"""Identifiers that one question searches through."""
PREVIEW_PROFILES_MAX = 50_000
"""Up to so many people a publish is tried out on a copy before it is done."""
PREVIEW_S_MAX = 60
"""How long that may take."""
METRICS_KEPT_S = 5
"""How old the figures of metrics may be."""
DEAD_LETTERS_REPLAYED_EVENTS_MAX = 1_000
"""Dead letters that one request takes again."""
SEND_DATA_BYTES_MAX = 64 * 1024
"""What a transactional message brings for its template."""
TRANSACTIONAL_TTL_MS_MAX = 7 * 86_400_000
"""How long a transactional message may be good for."""
TRANSACTIONAL_TTL_DEFAULT_MS = 24 * 3_600_000
AUDIT_DETAIL_BYTES_MAX = 8 * 1024
"""What else an entry of the audit log says."""
AUDIT_TARGET_CHARS_MAX = 500

# --- channels -----------------------------------------------------------------------------------------------
OUTSIDE_ADDRESSES_ITEMS_MAX = 16
"""Addresses of one name that are looked at."""
OUTSIDE_CONNECT_S_MAX = 10.0
"""How long a connection to a provider may take to come about, its name resolved and TLS agreed."""
SIGNATURE_AGE_S_MAX = 300
"""How far the time in a signature may be from ours; older calls may be repetitions by somebody else."""
SIGNATURES_ITEMS_MAX = 10
"""Signatures of one call that are looked at."""
WEBHOOK_BODY_BYTES_MAX = 20 * 1024
"""What a webhook says at most (Standard Webhooks)."""
PUSH_PLAIN_BYTES_MAX = 3_993
"""A web push message before encryption: 4,096 bytes with everything (RFC 8030, 7.2; RFC 8291, 4)."""
APP_PUSH_BYTES_MAX = 4_096
"""The payload of an app push, of FCM and of APNs."""
AUDIENCE_BATCH_ITEMS_MAX = 10_000
"""Members of an advertising audience that one call may add or remove."""
AUDIENCE_ANSWER_ITEMS_MAX = 2_000
"""Members of an audience that one answer of the fold names."""
HOOK_RANKS_ENTRIES_MAX = 100_000
"""Messages whose latest state is remembered, so that an earlier one that comes late is left out."""
HOOK_ITEMS_MAX = 1_000
"""Things that one call of a provider may tell."""

# --- the running service ------------------------------------------------------------------------------------
WAITING_BYTES_MAX = 64 * 1024 * 1024
"""Events that wait to be stored; beyond it clients are told to come again."""
WIRE_BYTES_MAX = 256 * 1024 * 1024
"""One thing that processes of the service tell each other."""
UNSEEN_EFFECTS_BYTES_MAX = 256 * 1024 * 1024
"""Effects kept for a reader that is starting again; beyond it the fold waits."""
WATCHERS_ITEMS_MAX = 1_000
"""Readers of the live stream at the same time."""
WATCHER_BATCHES_ITEMS_MAX = 1_000
"""Batches of effects that one reader of the live stream may be behind."""
TICK_MS_MIN = 20
"""Least time between two ticks that the service appends."""

# --- what comes back, and connectors ------------------------------------------------------------------------
CONNECTOR_ROWS_MAX = 10_000
"""Rows of one call of a connected service."""
CONNECTOR_PATH_LEVELS_MAX = 16
"""Names in one path of a mapping."""
NEWS_KEPT_DAYS = 30
"""How long a provider's news are known by their keys; none repeats itself for longer."""
NEWS_ENTRIES_MAX = 5_000_000
"""Keys of news that are kept."""
NEWS_WAITING_ROWS_MAX = 100_000
"""News about messages that nobody knows yet; each waits at most a day."""
NEWS_WAIT_S_MAX = 2.0
"""How long a provider that is quicker than our own record of sending is kept waiting."""
INBOUND_DETAIL_BYTES_MAX = 4 * 1024
"""What else a provider says of an outcome."""
CLICK_TOO_SOON_MS = 3_000
"""A link in an e-mail that is followed sooner after sending was followed by a scanner."""
OPEN_TOO_SOON_MS = 3_000
CLICKS_AT_ONCE_MS = 2_000
"""Different links of one message followed within this time..."""
CLICKS_AT_ONCE_ITEMS_MAX = 3
"""...are a scanner's from this many on."""
LOOKS_PER_MESSAGE_ITEMS_MAX = 200
"""Openings and clicks of one message that are recorded in an hour."""
CLICKS_REMEMBERED_ENTRIES_MAX = 50_000
"""Messages whose latest clicks are remembered."""
TRACKING_WAIT_S_MAX = 2.0
"""How long a redirect waits for its click to be durable; the person goes on all the same."""
FORM_BYTES_MAX = 64 * 1024
"""A form of the preference page."""
FORM_FIELDS_ITEMS_MAX = 2_000
"""Fields of a form."""
REFERRAL_CODE_CHARS_MAX = 32
REFERRAL_LANDED_DAYS = 90
"""How long it is remembered by whose link an anonymous visitor came."""
REFERRAL_EVENTS_ITEMS_MAX = 200
"""Events of an advocate in which their browsers are looked for, the latest first."""
REFERRAL_READ_RECORDS = 200
"""Records of the log that are looked through at a time."""
MAIL_TEXT_CHARS_MAX = 4_000
"""What is kept of a mail that somebody wrote."""
MAIL_PARTS_ITEMS_MAX = 100
"""Parts of a mail that are looked at."""
FETCH_ROWS_MAX = 5_000_000
"""Rows of one scheduled import."""
FETCH_BYTES_MAX = 2 * 1024 * 1024 * 1024
"""A file fetched from an address."""
FETCH_S_MAX = 600
"""How long a fetch may take."""
FETCH_EVENTS_AT_ONCE_ITEMS = 1_000
"""Events of a fetch that are stored together."""
FILES_FETCHED_MAX = 1_000
"""Files of one fetch."""
CRM_OBJECTS_ROWS_MAX = 200_000
"""Objects of one kind that one fetch takes."""
CRM_ANSWER_BYTES_MAX = 16 * 1024 * 1024
CRM_EFFECTS_ITEMS_MAX = 100
"""Effects that are looked at before the next pause."""
BACKGROUND_PAUSE_S = 2.0
"""Between two looks at what goes on beside requests."""
CRM_BATCH_ITEMS_MAX = 100
"""Objects that a CRM takes in one call."""
CRM_ATTEMPTS_RUNS_MAX = 5
"""How often one call of a CRM is tried."""
TOKEN_CHARS_MAX = 2_000
"""A token in an address."""

# --- ingest -------------------------------------------------------------------------------------------------
REQUEST_BYTES_MAX = 10 * 1024 * 1024
"""A request of events, as it comes and unpacked."""
REQUEST_LEFT_BYTES_MAX = 64 * 1024 * 1024
"""What is read and thrown away of a request that is too large, so that its sender hears why."""
REQUEST_BODY_S_MAX = 30
"""How long a request of events may take to arrive."""
REQUEST_HEADERS_BYTES_MAX = 32 * 1024
"""Request line and headers of any request."""
REQUEST_HEADERS_S_MAX = 15
"""How long the headers of any request may take to arrive."""
REQUESTS_READING_BYTES_MAX = 256 * 1024 * 1024
"""Bodies of events that are being read at the same time; what comes beyond is asked to come again."""
CONNECTIONS_ITEMS_MAX = 16_000
"""Connections at the same time."""
BATCH_EVENTS_MAX = 2_500
"""Events of one request; those after it are refused one by one."""
BATCH_REFUSED_EVENTS_MAX = 10_000
"""Events of one request that are looked at to be refused; a longer one is refused whole."""
TAKEN_TOGETHER_EVENTS_MAX = 250
"""Events of a batch that are taken before others have a turn."""
BATCH_VALUES_MAX = 500_000
"""Values of one request, about, before its events are counted with care."""
BATCH_SPLIT_ITEMS_MAX = 1_000_000
"""Brackets and strings looked at to find the events of a batch that is not quite JSON."""
DEAD_LETTER_BYTES_MAX = 256 * 1024
"""What is kept of a dropped event; of a larger one, its beginning."""
WRITE_KEY_CHARS_MAX = 200
USER_AGENT_CHARS_MAX = 512
"""What is looked at of a user agent."""
AGENTS_CACHED_ENTRIES_MAX = 10_000
"""User agents whose meaning is remembered."""
AGENTS_NEW_PER_S_MAX = 40
"""User agents never seen before that are looked into in a second, for each takes milliseconds."""
ADDRESSES_CACHED_ENTRIES_MAX = 16_384
"""Addresses whose meaning is remembered."""
GEO_RECHECK_MS = 60_000
"""How often a look is taken whether the geographic database has changed."""
OUTCOMES_TOLD_ITEMS_MAX = 1_000
"""Outcomes of one control record."""
OWED_ANSWER_ITEMS_MAX = 1_000
"""Messages that one answer about what is owed lists."""

# --- history ------------------------------------------------------------------------------------------------
HISTORY_GROUP_ROWS_MAX = 20_000
"""Effects and positions of the log that the history stores together at most."""
HISTORY_PAGE_ITEMS_MAX = 1_000
"""Rows of one page of the history."""
HISTORY_MERGED_ITEMS_MAX = 1_000
"""Subjects that became one, whose past is read together."""
HISTORY_CONTROL_BYTES_MAX = 16 * 1024
"""Of a control record's content that the history keeps; the log has all of it."""

# --- sender -------------------------------------------------------------------------------------------------
SENDER_WAITING_ITEMS_MAX = 10_000
"""Messages of one channel that the sender holds; more wait in the fold."""
SENDER_LANE_ITEMS_MIN = 50
"""Messages of one journey and channel that the sender holds at least before others stay in the fold."""
SENDER_ASKED_ITEMS_MAX = 500
"""Messages asked for at a time."""
SENDER_CLAIMED_ITEMS_MAX = 64
"""Messages claimed in one record."""
SENDER_CLAIMS_RECORDS_MAX = 8
"""Records of claims on their way at the same time."""
SENDER_BACK_OFF_MS_MIN = 10_000
SENDER_BACK_OFF_MS_MAX = 300_000
"""Least and longest wait before a message is tried again."""
SENDER_CALL_MS_MAX = 900_000
"""How long an adapter may take, which has its own shorter limits; then nobody knows what became of it."""
SENDER_TTL_MS = 86_400_000
"""How long a call or notice lives that has no time to live of its own."""
SENDER_FAULTS_ITEMS_MAX = 5
"""Transient faults in a row after which a channel counts as down."""
SENDER_LEASES_ITEMS_MAX = 500_000
"""Messages shown in the product whose end the sender has in mind; of more, the fold is asked later."""
TEMPLATE_VERSIONS_STORED_FILES_MAX = 10_000
"""Versions of templates kept on the disk for messages that are still to be sent."""
assert SENDER_ASKED_ITEMS_MAX <= OWED_ANSWER_ITEMS_MAX and SENDER_CLAIMED_ITEMS_MAX <= OUTCOMES_TOLD_ITEMS_MAX
assert SENDER_BACK_OFF_MS_MIN <= SENDER_BACK_OFF_MS_MAX

# --- in-app messages ----------------------------------------------------------------------------------------
INAPP_BODY_BYTES_MAX = 16 * 1024
"""What a page sends about messages at a time."""
INAPP_IDENTIFIER_CHARS_MAX = 512
INAPP_TOKEN_MS = 30 * 60_000
"""How long what a page is given opens the line."""
INAPP_STREAM_S_MAX = 15 * 60
"""How long one stream lasts; the page comes back with a fresh token."""
INAPP_HEARTBEAT_S = 20
INAPP_STREAMS_ENTRIES_MAX = 5_000
"""Streams at the same time; further pages ask again and again instead."""
INAPP_STREAMS_PER_PERSON_MAX = 8
INAPP_LEASES_ITEMS_MAX = 20
"""Messages that one page is given, the newest."""
INAPP_CONTENT_BYTES_MAX = 64 * 1024
"""One message as a page is given it; a larger one is not shown."""
INAPP_HTML_LEVELS_MAX = 24
"""Elements inside one another in a message's HTML; deeper ones are left out."""
INAPP_ACTION_ANSWER_CHARS_MAX = 300
"""What the answer to an action may say to the person."""
INAPP_ACTIONS_PER_MINUTE_MAX = 10
"""Actions that one person may set off; nobody clicks faster on purpose."""
ERASURE_WAIT_S_MAX = 120
"""How long an erasure waits for a snapshot and for the history to catch up; later it can be resumed."""
ERASURE_DEAD_LETTERS_PAGE_ROWS = 1_000
"""Dead letters looked through at a time."""
EXPORT_EVENTS_MAX = 1_000_000
"""Events of one person's export."""
RETENTION_PAUSE_S = 6 * 3_600
"""Between looks for what is older than it is kept."""

# --- the warehouse ------------------------------------------------------------------------------------------
WAREHOUSE_BATCH_ROWS = 50_000
"""Rows gathered before they are stored together while history is projected."""
WAREHOUSE_QUERY_S_MAX = 60
"""How long an analysis may take."""
WAREHOUSE_SQL_S_MAX = 15
"""How long a query may take that a person wrote."""
WAREHOUSE_SQL_ROWS_MAX = 100_000
"""Rows that such a query is answered with; more are cut off."""
WAREHOUSE_SQL_CHARS_MAX = 20_000
WAREHOUSE_CLOSES_FILES_MAX = 400
"""Days of scores that wait for the warehouse; older ones make room, and come again when it is made anew."""
WAREHOUSE_MEMORY_BYTES_MAX = 2 * 1024**3
"""What the engine may take for queries; beyond it writes to its own folder for temporary files."""
FUNNEL_STEPS_MAX = 20
ANALYSIS_GROUPS_ITEMS_MAX = 100
"""Groups of a breakdown that are shown; the rest is summed up."""

# --- guided set-up ------------------------------------------------------------------------------------------
SETUP_SAMPLE_EVENTS_MAX = 200_000
"""Events of a sample that are looked at; which there are is known long before."""
SETUP_NAME_ITEMS_MAX = 5_000
"""Names of events told apart in a sample; a source that makes names up has more."""
SETUP_PROPERTY_ITEMS_MAX = 200
"""Names of properties remembered for one event, and of traits."""

# --- learning -----------------------------------------------------------------------------------------------
OFF_POLICY_EFFECTIVE_ROWS_MIN = 100
"""Effective decisions below which a policy's value is not told; our judgement."""
OFF_POLICY_OUTCOMES_ITEMS_MIN = 10
"""Decisions with an outcome below which it is not told: an interval by its spread means little then."""
LEARNING_LOOKS_ITEMS_MAX = 16
"""Moments of the past that a prediction learns from, the latest whose outcomes are known."""
LEARNING_LOOK_ROWS_MAX = 25_000
"""Subjects of one look; of more, a sample that stays the same."""
LEARNING_ROWS_MAX = 200_000
"""Examples that one training uses."""
LEARNING_SCORED_ROWS = 32_768
"""Subjects scored at a time."""
LEARNING_MODEL_BYTES_MAX = 4 * 1024 * 1024
"""The parameters of one model."""
WAREHOUSE_QUESTION_BYTES_MAX = 256 * 1024
WAREHOUSE_ANSWER_BYTES_MAX = 64 * 1024**2
"""One answer of the warehouse on its way to a request."""
SAVED_QUESTIONS_ITEMS_MAX = 1_000
DIGESTS_ITEMS_MAX = 200
"""Digests that are kept."""
DIGEST_QUESTIONS_ITEMS_MAX = 10
"""Questions of one digest."""
DIGEST_ADDRESSES_ITEMS_MAX = 50
"""Addresses that one digest goes to."""
DIGEST_RUNS_ITEMS_MAX = 100
"""Of each digest, the runs that are remembered."""
DIGEST_KEPT_MS = 86_400_000
"""How long a digest that could not be delivered is tried again."""
DIGEST_WAIT_MS = 6 * 3_600_000
"""How long a digest waits for the warehouse to have everything until it was due."""

# --- members, the console -----------------------------------------------------------------------------------
MEMBERS_ROWS_MAX = 10_000
"""Members of one data folder, removed ones included."""
MEMBER_NAME_CHARS_MAX = 200
PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 1_024
INVITATION_KEPT_MS = 7 * 86_400_000
"""How long an invitation, or the token of the first set-up, is good for."""
SESSION_IDLE_MS = 3 * 86_400_000
"""A session that is not used for so long ends."""
SESSION_MS_MAX = 30 * 86_400_000
"""However much it is used, a session ends after so long."""
SESSION_SEEN_WRITE_MS = 60_000
"""How exactly it is known when a session was last used."""
SESSION_AGENT_CHARS_MAX = 300
LOGIN_WINDOW_MS = 15 * 60_000
"""How long failed log-ins are counted together."""
LOGIN_PAIR_FAILURES_ITEMS_MAX = 5
"""Failed log-ins to one address by one caller."""
LOGIN_ADDRESS_FAILURES_ITEMS_MAX = 50
"""Failed log-ins to one address, whoever tries."""
LOGIN_CALLER_FAILURES_ITEMS_MAX = 100
"""Failed log-ins by one caller, whatever the address."""
OIDC_FLOW_MS_MAX = 10 * 60_000
"""How long somebody may take at their identity provider."""
OIDC_KEYS_KEPT_MS = 3_600_000
"""How long an identity provider's description and keys are kept."""
OIDC_ANSWER_BYTES_MAX = 512 * 1024

# --- predictions --------------------------------------------------------------------------------------------
PREDICTION_SCORES_ITEMS_MAX = 4_096
"""Subjects whose values one record brings; a record is folded in one piece."""
PREDICTION_VERSIONS_ITEMS_MAX = 4_095
"""Versions of one prediction's model that are told apart; then the oldest one's number is given again."""
PREDICTION_FEATURES_ITEMS_MAX = 1_000
PREDICTION_QUALITY_BYTES_MAX = 64 * 1024
"""What a model says of its quality: figures and curves, which the fold's state keeps of the one in force."""

# --- choices that are learned -------------------------------------------------------------------------------
CHOICE_ACTIONS_ITEMS_MAX = 24
"""Actions among which one is chosen."""
CHOICE_CONTEXT_ITEMS_MAX = 64
"""Values that a choice looks at."""
CHOICE_OPEN_ENTRIES_MAX = 2_000_000
"""Choices whose outcome is awaited; what is chosen beyond that is not learned from, and counted."""
CHOICE_ACTIONS_TAKEN_ENTRIES_MAX = 256
"""Actions remembered of one subject, for limits of a person."""
CHOICE_REFRESH_MS_MIN = 1_000
"""Outcomes become known to a choice at the workspace's ticks at most."""

RESTATED_SUBJECT_ROWS_MAX = 500
"""Subjects whose past one record brings: some ten milliseconds of the fold."""
SEARCH_ROWS_MAX = 60_000
"""Subjects whose names one question looks through."""
SEARCH_S_MAX = 0.5
"""How long one search may take; what was found by then is the answer, which says so."""
SEARCH_CHARS_MAX = 100
SEARCH_ITEMS_MAX = 50
HOME_KEPT_MS = 60_000
"""How old the figures of the home page may be."""
HOME_LIFT_KEPT_MS = 15 * 60_000
"""How old the lift of journeys may be there, which takes longer."""
NOTE_CHARS_MAX = 20_000
NOTES_PAGE_ITEMS_MAX = 200
JUDGEMENT_CHARS_MAX = 2_000
APPROVAL_COMMENTS_ITEMS_MAX = 200
JOBS_KEPT_ITEMS_MAX = 100
"""Long pieces of work that are remembered after their end."""
JOBS_AT_ONCE_ITEMS_MAX = 2
JOB_S_MAX = 3_600
"""How long one may take."""
CALENDAR_DAYS_MAX = 120
"""How far ahead the calendar looks."""
SCORE_PREVIEW_EXAMPLES_ITEMS_MAX = 20
CHANNEL_PROBE_S_MAX = 15
RESTATEMENT_LINE_BYTES_MAX = 64 * 1024 * 1024
"""One record of the past of signals, as its process says it."""

# --- trying a journey in the console ------------------------------------------------------------------------
TRIAL_S_MAX = 60
"""How long trying a journey on one person may take."""
TRIAL_EFFECTS_ITEMS_MAX = 2_000
"""Decisions of a trial that are shown."""
JOB_LINE_BYTES_MAX = 32 * 1024 * 1024
"""What a long piece of work may say at once."""
BACKTEST_RUNS_SHOWN_ITEMS_MAX = 50
"""Runs of a back-test that the console shows as examples."""

SCORE_DAYS_SHOWN_MAX = 400
"""Days of a score that one answer holds, the latest."""
SCORE_PREVIEW_PROFILES_MAX = 100_000
"""Subjects that a preview of weights looks at; of more, an even part of them."""
SEGMENT_PREVIEW_S_MAX = 5.0
"""How long counting for a preview of a segment may take; what was counted by then is the answer, which says
so.
"""
TEST_SEND_S_MAX = 30
"""How long a provider may take for a test message."""
SETUP_LOG_RECORDS_MAX = 4_000
"""Records at either end of the log that a look at the set-up reads."""
