PRAGMA application_id = 1095519316;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0011');
CREATE TABLE attempts (
	job TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	started BIGINT, 
	ended BIGINT, 
	places TEXT NOT NULL, 
	result TEXT, measured TEXT, 
	PRIMARY KEY (job, number), 
	FOREIGN KEY(job) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "attempts" VALUES('j1',1,1800000000000,1800000000001,'{"version":1,"places":[{"rank":0,"node":"node-a","devices":["GPU-1"]}]}','{"version":1,"end":{"code":1,"rank":0,"said":"exit code 1","displaced":false}}','{"version":1,"measured":{"since":1800000000000,"until":1800000010000,"devices":1,"by_percent":[[0,5000],[90,5000]],"unmeasured_ms":0,"idle_ms":5000,"idle_since":null,"idle_after_ms":0,"idle":false,"known":true,"memory":1073741824,"looks":2,"mark":{"rule":"idle-30m","action":"ask","at":1800000005000,"held_ms":5000,"busy_ms":5000}}}');
CREATE TABLE audit (
	number BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	whence TEXT NOT NULL, 
	verb TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	name TEXT NOT NULL, 
	team TEXT NOT NULL, 
	why TEXT NOT NULL, 
	details TEXT NOT NULL, 
	previous TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "audit" VALUES(1,1800000000000,'ada','local','unix socket','job.submit','done','job/j1','train','nlp','','[["backend","hpc"]]','1c273187c5a55d2dac45df3f49b7b5618a5bf2fd6ef8929575498cd2464f04ba','52023e532a03d8fb972be68b503fd4742d8b924eca9c887f2bbd2558027154bb');
INSERT INTO "audit" VALUES(2,1800000000005,'ada','local','unix socket','job.stop','done','job/j1','train','nlp','','[]','52023e532a03d8fb972be68b503fd4742d8b924eca9c887f2bbd2558027154bb','d0012ce9fd6436e865cd1af6a07d14544938e3b584f933ca9cb3956d1cf035dc');
CREATE TABLE cluster_credentials (
	platform TEXT NOT NULL, 
	cluster TEXT NOT NULL, 
	sealed TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	"by" TEXT NOT NULL, 
	PRIMARY KEY (platform, cluster)
);
INSERT INTO "cluster_credentials" VALUES('acme','training','v1.0123456789ab.c2VhbGVk',1790000000000,'ada');
CREATE TABLE calls (
	id TEXT NOT NULL, 
	asked TEXT NOT NULL, 
	whose TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	subject TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "calls" VALUES('c1','d1','w1',1800000000000,'job/j1','');
CREATE TABLE deliveries (
	notice TEXT NOT NULL, 
	receiver TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	state TEXT NOT NULL, 
	tries INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	trouble TEXT NOT NULL, 
	PRIMARY KEY (notice, receiver)
);
INSERT INTO "deliveries" VALUES('b69a29768fc2aa435d32acb1318b66d2','nlp-chat','nlp: 80 % of its a100 in training are used','told',1,1800000000000,'');
INSERT INTO "deliveries" VALUES('00000000000000000000000000000000','leads','grant r0000001 is over','waiting',2,1800000000001,'receiver leads does not answer');
CREATE TABLE derived (
	kind TEXT NOT NULL, 
	id TEXT NOT NULL, 
	team TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	written TEXT NOT NULL, 
	PRIMARY KEY (kind, id)
);
INSERT INTO "derived" VALUES('queue','training-eastus/nlp','nlp','sha256:1','{"pending": 1}');
CREATE TABLE device_times (
	backend TEXT NOT NULL, 
	node TEXT NOT NULL, 
	device TEXT NOT NULL, 
	start BIGINT NOT NULL, 
	until BIGINT, 
	cause TEXT NOT NULL, 
	job TEXT NOT NULL, 
	team TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	project TEXT NOT NULL, 
	queue TEXT NOT NULL, 
	resource TEXT NOT NULL, 
	model TEXT NOT NULL, 
	price BIGINT, 
	PRIMARY KEY (backend, node, device, start)
);
INSERT INTO "device_times" VALUES('local','node-a','GPU-0',1800000000000,NULL,'unmeasured','j1','nlp','ada','llm','nlp','nvidia.com/gpu','a100',2000000);
CREATE TABLE events (
	job TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	said TEXT NOT NULL, 
	PRIMARY KEY (job, number), 
	FOREIGN KEY(job) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "events" VALUES('j1',0,1800000000000,'checkpoint','step 5');
CREATE TABLE grants (
	id TEXT NOT NULL, 
	team TEXT NOT NULL, 
	state TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	written TEXT NOT NULL, platform TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "grants" VALUES('r0000001','nlp','active',1,'{"version":1,"grant":{"id":"r0000001","team":"nlp","kind":"gpus","subject":"","requester":"ada","terms":{"shares":[{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}],"taken":[{"team":"cv","share":{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}}],"since":1800000000000,"until":1800003600000,"price":5},"approved":[{"shares":[{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}],"taken":[{"team":"cv","share":{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}}],"since":1800000000000,"until":1800003600000,"price":5}],"state":"active","revision":1,"written":"d","commit":"c","trouble":"","told":["hours:80"]}}','');
INSERT INTO "grants" VALUES('r0000002','nlp','active',1,'{"version":1,"grant":{"id":"r0000002","team":"nlp","kind":"gpus","subject":"","requester":"ada","terms":{"shares":[{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}],"taken":[{"team":"cv","share":{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}}],"since":1800000000000,"until":1800003600000,"price":5},"approved":[{"shares":[{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}],"taken":[{"team":"cv","share":{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}}],"since":1800000000000,"until":1800003600000,"price":5}],"state":"active","revision":1,"written":"d","commit":"c","trouble":"","told":["hours:80"],"platform":"acme","by_hand":false}}','acme');
CREATE TABLE jobs (
	id TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	team TEXT NOT NULL, 
	project TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	backend TEXT NOT NULL, 
	native TEXT NOT NULL, 
	priority TEXT NOT NULL, 
	devices INTEGER NOT NULL, 
	accelerator TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	submitted BIGINT NOT NULL, 
	started BIGINT, 
	ended BIGINT, 
	cause TEXT NOT NULL, 
	said TEXT NOT NULL, 
	code TEXT NOT NULL, 
	supersedes TEXT NOT NULL, 
	asked TEXT NOT NULL, 
	used TEXT, parent TEXT DEFAULT '' NOT NULL, number BIGINT DEFAULT '0' NOT NULL, metric DOUBLE, reported TEXT, standing TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "jobs" VALUES('j1',1,'train','nlp','llm','ada','local','4711','normal',2,'a100','failed',1,1800000000000,1800000000002,1800000000003,'taken','','sha256:1','','{"version":1,"job":{"name":"train","team":"nlp","type":"training","program":{"argv":["python","train.py","--lr=3e-4"],"image":"","environment":{"A":"yes","B":"{{ x }}\n\u0000"},"secrets":[],"code":null,"working_directory":"","port":null},"needs":{"cpu":4000,"memory":8589934592,"accelerators":{"count":2,"classes":["a100","h100"],"least_memory":42949672960,"vendor":null,"interconnect":"","architecture":"","capacity_type":""},"shared_memory":null,"ephemeral_storage":null},"priority":"normal","project":"llm","cost_center":"","environment":"","labels":{},"replicas":1,"gang":false,"nearness":null,"run_time":null,"deadline":"","spot":true,"checkpoint":{"directory":"/ckpt","interval":60,"grace":30},"retries":{"limit":2,"safe":true},"data":[],"volumes":[],"sweep":{"parameters":[{"name":"lr","values":[],"low":"1/3","high":"2","logarithmic":false,"whole":false}],"trials":4,"seed":7,"at_once":2,"early_stop":null},"schedule":null,"after":[]}}','{"version":1,"use":{"run_ms":1,"held_ms":2,"staging_ms":3,"idle_ms":4,"lost_ms":null,"busy_permille":null,"device_memory":null,"cpu":null,"memory":null,"samples":0,"displaced":0,"cost":null}}','',0,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('j2',0,'train','nlp','llm','ada','local','','normal',2,'a100','submitted',0,1800000000005,NULL,NULL,'submitted','came','','','{"version":1,"job":{"name":"train","team":"nlp","type":"training","program":{"argv":["python","train.py","--lr=3e-4"],"image":"","environment":{"A":"yes","B":"{{ x }}\n\u0000"},"secrets":[],"code":null,"working_directory":"","port":null},"needs":{"cpu":4000,"memory":8589934592,"accelerators":{"count":2,"classes":["a100","h100"],"least_memory":42949672960,"vendor":null,"interconnect":"","architecture":"","capacity_type":""},"shared_memory":null,"ephemeral_storage":null},"priority":"normal","project":"llm","cost_center":"","environment":"","labels":{},"replicas":1,"gang":false,"nearness":null,"run_time":null,"deadline":"","spot":true,"checkpoint":{"directory":"/ckpt","interval":60,"grace":30},"retries":{"limit":2,"safe":true},"data":[],"volumes":[],"sweep":{"parameters":[{"name":"lr","values":[],"low":"1/3","high":"2","logarithmic":false,"whole":false}],"trials":4,"seed":7,"at_once":2,"early_stop":null},"schedule":null,"after":[]}}',NULL,'',0,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('j5',1,'search','nlp','llm','ada','local','','normal',2,'a100','stopped',1,1800000000006,NULL,1800000000009,'taken','','','','{"version":1,"job":{"name":"search","team":"nlp","type":"training","program":{"argv":["python","train.py","--lr=3e-4"],"image":"","environment":{"A":"yes","B":"{{ x }}\n\u0000"},"secrets":[],"code":null,"working_directory":"","port":null},"needs":{"cpu":4000,"memory":8589934592,"accelerators":{"count":2,"classes":["a100","h100"],"least_memory":42949672960,"vendor":null,"interconnect":"","architecture":"","capacity_type":""},"shared_memory":null,"ephemeral_storage":null},"priority":"normal","project":"llm","cost_center":"","environment":"","labels":{},"replicas":1,"gang":false,"nearness":null,"run_time":null,"deadline":"","spot":true,"checkpoint":{"directory":"/ckpt","interval":60,"grace":30},"retries":{"limit":2,"safe":true},"data":[],"volumes":[],"sweep":{"parameters":[{"name":"lr","values":[],"low":"1/3","high":"2","logarithmic":false,"whole":false}],"trials":4,"seed":7,"at_once":2,"early_stop":null},"schedule":null,"after":[]}}',NULL,'',0,NULL,NULL,'{"version":1,"standing":{"said":"1 of 4 trials","passed":1,"best":0.5,"best_number":1}}');
INSERT INTO "jobs" VALUES('j5-t1',1,'search-1','nlp','llm','ada','local','','normal',2,'a100','stopped',1,1800000000007,NULL,1800000000008,'taken','','','','{"version":1,"job":{"name":"search-1","team":"nlp","type":"training","program":{"argv":["python","train.py","--lr=3e-4"],"image":"","environment":{"A":"yes","B":"{{ x }}\n\u0000"},"secrets":[],"code":null,"working_directory":"","port":null},"needs":{"cpu":4000,"memory":8589934592,"accelerators":{"count":2,"classes":["a100","h100"],"least_memory":42949672960,"vendor":null,"interconnect":"","architecture":"","capacity_type":""},"shared_memory":null,"ephemeral_storage":null},"priority":"normal","project":"llm","cost_center":"","environment":"","labels":{},"replicas":1,"gang":false,"nearness":null,"run_time":null,"deadline":"","spot":true,"checkpoint":{"directory":"/ckpt","interval":60,"grace":30},"retries":{"limit":2,"safe":true},"data":[],"volumes":[],"sweep":{"parameters":[{"name":"lr","values":[],"low":"1/3","high":"2","logarithmic":false,"whole":false}],"trials":4,"seed":7,"at_once":2,"early_stop":null},"schedule":null,"after":[]}}',NULL,'j5',1,0.5,'{"version":1,"metric":{"reports":1,"values":[0.5],"last":0.5,"best":0.5,"log":"j5-t1-1-0","offset":9}}',NULL);
CREATE TABLE journal (
	number BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	team TEXT NOT NULL, 
	change TEXT NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "journal" VALUES(1,0,'journal','','','made');
INSERT INTO "journal" VALUES(1800000000000,1800000000000,'queue','training-eastus/nlp','nlp','made');
CREATE TABLE leader (
	id INTEGER NOT NULL, 
	term BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	session BIGINT NOT NULL, 
	seen BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE moves (
	job TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	cause TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	said TEXT NOT NULL, 
	PRIMARY KEY (job, number), 
	FOREIGN KEY(job) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "moves" VALUES('j1',0,1800000000000,'submitted','submitted',0,'came');
INSERT INTO "moves" VALUES('j1',1,1800000000001,'queued','taken',1,'');
INSERT INTO "moves" VALUES('j1',2,1800000000002,'running','taken',1,'');
INSERT INTO "moves" VALUES('j1',3,1800000000003,'failed','taken',1,'');
INSERT INTO "moves" VALUES('j2',0,1800000000005,'submitted','submitted',0,'came');
INSERT INTO "moves" VALUES('j5',0,1800000000006,'submitted','submitted',0,'came');
INSERT INTO "moves" VALUES('j5',1,1800000000009,'stopped','taken',1,'');
INSERT INTO "moves" VALUES('j5-t1',0,1800000000007,'submitted','submitted',0,'came');
INSERT INTO "moves" VALUES('j5-t1',1,1800000000008,'stopped','taken',1,'');
CREATE TABLE people (
	id TEXT NOT NULL, 
	issuer TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	name TEXT NOT NULL, 
	email TEXT NOT NULL, 
	groups TEXT NOT NULL, 
	first BIGINT NOT NULL, 
	seen BIGINT NOT NULL, 
	suspended BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (issuer, subject), 
	UNIQUE (name)
);
INSERT INTO "people" VALUES('abcdefgi','https://id.acme.example','4711','ada@acme.example','ada@acme.example','["acme-nlp"]',1800000000000,1800000000001,NULL);
CREATE TABLE queue_hours (
	platform TEXT NOT NULL, 
	cluster TEXT NOT NULL, 
	queue TEXT NOT NULL, 
	flavor TEXT NOT NULL, 
	resource TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	looks INTEGER NOT NULL, 
	used BIGINT NOT NULL, 
	nominal BIGINT NOT NULL, 
	most BIGINT NOT NULL, 
	PRIMARY KEY (platform, cluster, queue, flavor, resource, since)
);
INSERT INTO "queue_hours" VALUES('acme','training-eastus','nlp','a100','nvidia.com/gpu',1800000000000,12,60,96,8);
CREATE TABLE requests (
	id TEXT NOT NULL, 
	team TEXT NOT NULL, 
	requester TEXT NOT NULL, 
	state TEXT NOT NULL, 
	route TEXT NOT NULL, 
	created BIGINT NOT NULL, 
	revision INTEGER NOT NULL, 
	written TEXT NOT NULL, platform TEXT DEFAULT '' NOT NULL, due BIGINT, 
	PRIMARY KEY (id)
);
INSERT INTO "requests" VALUES('r0000001','nlp','ada','waiting','lead',1800000000000,1,'{"version":1,"request":{"id":"r0000001","wish":{"kind":"gpus","team":"nlp","workload":"training","justification":"yes\u0000\n{{ x }}","subject":"","environment":""},"requester":"ada","created":1800000000000,"state":"waiting","terms":{"shares":[{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}],"taken":[{"team":"cv","share":{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}}],"since":1800000000000,"until":1800003600000,"price":5},"asked":{"shares":[{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}],"taken":[{"team":"cv","share":{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}}],"since":1800000000000,"until":1800003600000,"price":5},"gate":"g","route":"lead","due":1800000000001,"extends":"","revision":1,"decisions":[]}}','',1800000000001);
INSERT INTO "requests" VALUES('r0000002','nlp','ada','waiting','lead',1800000000000,1,'{"version":1,"request":{"id":"r0000002","wish":{"kind":"gpus","team":"nlp","workload":"training","justification":"yes\u0000\n{{ x }}","subject":"","environment":""},"requester":"ada","created":1800000000000,"state":"waiting","terms":{"shares":[{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}],"taken":[{"team":"cv","share":{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}}],"since":1800000000000,"until":1800003600000,"price":5},"asked":{"shares":[{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}],"taken":[{"team":"cv","share":{"cluster":"training","flavor":"a100","devices":4,"cpu":4000,"memory":8589934592}}],"since":1800000000000,"until":1800003600000,"price":5},"gate":"g","route":"lead","due":1800000000001,"extends":"","revision":1,"decisions":[],"platform":"acme"}}','acme',1800000000001);
CREATE TABLE tokens (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	permissions TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	created BIGINT NOT NULL, 
	expires BIGINT NOT NULL, 
	used BIGINT, 
	revoked BIGINT, person TEXT DEFAULT '' NOT NULL, team TEXT DEFAULT '' NOT NULL, session BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "tokens" VALUES('abcdefgh','ci','read,stop','0b645e3e7abbf1b5de9f091ad17f9b7cfef979380751053a9a40be9b1ca221f5','ada',1800000000000,1800003600000,NULL,NULL,'','',0);
INSERT INTO "tokens" VALUES('abcdefgj','session','read,stop,submit','0000000000000000000000000000000000000000000000000000000000000000','ada@acme.example',1800000000001,1800043200001,NULL,NULL,'abcdefgi','',1);
CREATE TABLE told (
	"key" TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "told" VALUES('quota/training/a100/nlp/80:8@2027-01',1800000000000);
CREATE TABLE waits (
	job TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	since BIGINT NOT NULL, 
	until BIGINT, 
	code TEXT NOT NULL, 
	cause TEXT NOT NULL, 
	said TEXT NOT NULL, 
	PRIMARY KEY (job, number), 
	FOREIGN KEY(job) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "waits" VALUES('j1',0,1800000000000,1800000000001,'quota-full','QuotaExceeded','4 of 4');
CREATE INDEX jobs_newest ON jobs (submitted, id);
CREATE INDEX jobs_of_team ON jobs (team, submitted, id);
CREATE INDEX jobs_of_owner ON jobs (owner, submitted, id);
CREATE INDEX jobs_in_state ON jobs (state, submitted, id);
CREATE INDEX jobs_named ON jobs (name, submitted, id);
CREATE INDEX jobs_ended ON jobs (ended);
CREATE INDEX device_times_until ON device_times (until);
CREATE INDEX jobs_of_parent ON jobs (parent, submitted, id);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_who ON audit (who, number);
CREATE INDEX audit_subject ON audit (subject, number);
CREATE INDEX requests_created ON requests (created, id);
CREATE INDEX grants_state ON grants (state);
CREATE INDEX deliveries_at ON deliveries (at);
CREATE INDEX requests_due ON requests (due, id);
CREATE INDEX requests_in_state ON requests (state, created, id);
CREATE INDEX journal_subject ON journal (kind, subject, number);
CREATE INDEX journal_at ON journal (at);
CREATE INDEX jobs_counted ON jobs (parent, team, state, backend, owner, name, submitted);
CREATE INDEX calls_at ON calls (at);
CREATE INDEX calls_of ON calls (whose, at);
CREATE INDEX queue_hours_since ON queue_hours (since);
COMMIT;
