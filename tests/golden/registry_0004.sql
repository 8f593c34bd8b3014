BEGIN TRANSACTION;
CREATE TABLE mlops_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT mlops_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "mlops_alembic_version" VALUES('0004');
CREATE TABLE mlops_approvals (
	id INTEGER NOT NULL, 
	request_id INTEGER NOT NULL, 
	approver VARCHAR(200) NOT NULL, 
	role VARCHAR(40) NOT NULL, 
	decision VARCHAR(20) NOT NULL, 
	reason TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_mlops_approvals PRIMARY KEY (id), 
	CONSTRAINT fk_mlops_approvals_request_id FOREIGN KEY(request_id) REFERENCES mlops_requests (id) ON DELETE RESTRICT, 
	CONSTRAINT uq_mlops_approvals_request_id_approver UNIQUE (request_id, approver)
);
CREATE TABLE mlops_audit (
	number INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	role VARCHAR(40) NOT NULL, 
	source VARCHAR(40) NOT NULL, 
	action VARCHAR(50) NOT NULL, 
	model VARCHAR(200), 
	subject VARCHAR(300) NOT NULL, 
	reason TEXT NOT NULL, 
	detail JSON NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_mlops_audit PRIMARY KEY (number), 
	CONSTRAINT uq_mlops_audit_previous UNIQUE (previous), 
	CONSTRAINT uq_mlops_audit_digest UNIQUE (digest)
);
INSERT INTO "mlops_audit" VALUES(1,'2026-11-21 10:04:25.241614','sam','scientist','cli','register','risk','risk/1','','{"author": "sam", "created_at": "2026-11-21T10:04:25.230775+00:00", "data_digest": "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "experiment_id": "1", "id": 1, "metric": "roc_auc", "metrics": {"log_loss": 0.3, "roc_auc": 0.9}, "mlflow_version": null, "model_digest": "sha256:0000000000000000000000000000000000000000000000000000000000000001", "model_id": "m-00000000000000000000000000000001", "model_uri": "models:/m-00000000000000000000000000000001", "name": "risk", "number": 1, "ref": "risk/1", "run_id": "00000000000000000000000000000001", "stage": "candidate", "task": "classification"}','0000000000000000000000000000000000000000000000000000000000000000','faf19d21cf769b68637e8fc33abc9f51cd93e1c9020a0777ddb9e07a34e521d0');
INSERT INTO "mlops_audit" VALUES(2,'2026-11-21 10:04:25.250075','sam','scientist','cli','attach report','risk','risk/1','','{"digest": "sha256:shap1", "kind": "shap", "schema": "1", "uri": "runs:/00000000000000000000000000000001/shap.html"}','faf19d21cf769b68637e8fc33abc9f51cd93e1c9020a0777ddb9e07a34e521d0','653d01f0ae4dfc1a79a8d8666b74710485b208fa409984816e90861d84a2ba8d');
INSERT INTO "mlops_audit" VALUES(3,'2026-11-21 10:04:25.255375','sam','scientist','cli','attach report','risk','risk/1','','{"digest": "sha256:lime1", "kind": "lime", "schema": "1", "uri": "runs:/00000000000000000000000000000001/lime.html"}','653d01f0ae4dfc1a79a8d8666b74710485b208fa409984816e90861d84a2ba8d','39c506a48dfaf58e4f4ca7b29210e85db05d2be232ba949cef61aad9aa984d09');
INSERT INTO "mlops_audit" VALUES(4,'2026-11-21 10:04:25.279066','rita','releaser','ci','promote','risk','risk/1','','{"from": "candidate", "model_digest": "sha256:0000000000000000000000000000000000000000000000000000000000000001", "replaced": null, "to": "staging", "verdicts": [{"code": "G001", "needed": "a value of the metric it was chosen by", "observed": "log_loss 0.3, roc_auc 0.9", "outcome": "passed", "reason": "", "title": "metrics recorded"}, {"code": "G002", "needed": "the model''s inputs and outputs", "observed": "logged", "outcome": "passed", "reason": "", "title": "signature"}, {"code": "G003", "needed": "a few rows to try the model with", "observed": "logged", "outcome": "passed", "reason": "", "title": "input example"}, {"code": "G004", "needed": "the digest of the data it learned from", "observed": "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "outcome": "passed", "reason": "", "title": "data digest"}, {"code": "G005", "needed": "every requirement pinned to one version", "observed": "2 of 2 requirements pinned", "outcome": "passed", "reason": "", "title": "pinned environment"}, {"code": "G006", "needed": "the digest of the model''s files", "observed": "sha256:0000000000000000000000000000000000000000000000000000000000000001", "outcome": "passed", "reason": "", "title": "model digest"}, {"code": "G007", "needed": "local, global and cohort sections, or why one was skipped", "observed": "local exact, global sampled, cohort skipped (no column with groups)", "outcome": "passed", "reason": "", "title": "SHAP report"}, {"code": "G008", "needed": "local, global and cohort sections, or why one was skipped", "observed": "local exact, global sampled, cohort skipped (no column with groups)", "outcome": "passed", "reason": "", "title": "LIME report"}]}','39c506a48dfaf58e4f4ca7b29210e85db05d2be232ba949cef61aad9aa984d09','368e8b85b64cacd529bff9e3a48d7c01e9c4643c9865cf27c4102ca4cf31bc9b');
INSERT INTO "mlops_audit" VALUES(5,'2026-11-21 10:04:25.285679','rita','releaser','ci','promote','risk','risk/1','','{"from": "staging", "model_digest": "sha256:0000000000000000000000000000000000000000000000000000000000000001", "replaced": null, "to": "production", "verdicts": [{"code": "G001", "needed": "a value of the metric it was chosen by", "observed": "log_loss 0.3, roc_auc 0.9", "outcome": "passed", "reason": "", "title": "metrics recorded"}, {"code": "G002", "needed": "the model''s inputs and outputs", "observed": "logged", "outcome": "passed", "reason": "", "title": "signature"}, {"code": "G003", "needed": "a few rows to try the model with", "observed": "logged", "outcome": "passed", "reason": "", "title": "input example"}, {"code": "G004", "needed": "the digest of the data it learned from", "observed": "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "outcome": "passed", "reason": "", "title": "data digest"}, {"code": "G005", "needed": "every requirement pinned to one version", "observed": "2 of 2 requirements pinned", "outcome": "passed", "reason": "", "title": "pinned environment"}, {"code": "G006", "needed": "the digest of the model''s files", "observed": "sha256:0000000000000000000000000000000000000000000000000000000000000001", "outcome": "passed", "reason": "", "title": "model digest"}, {"code": "G007", "needed": "local, global and cohort sections, or why one was skipped", "observed": "local exact, global sampled, cohort skipped (no column with groups)", "outcome": "passed", "reason": "", "title": "SHAP report"}, {"code": "G008", "needed": "local, global and cohort sections, or why one was skipped", "observed": "local exact, global sampled, cohort skipped (no column with groups)", "outcome": "passed", "reason": "", "title": "LIME report"}, {"code": "G009", "needed": "the champion''s metric, or worse by at most 0.1% of it", "observed": "", "outcome": "not applicable", "reason": "Nothing else is in production.", "title": "not worse than the champion"}]}','368e8b85b64cacd529bff9e3a48d7c01e9c4643c9865cf27c4102ca4cf31bc9b','d2b1431bd31fa110a77ea4d0bbd891c653ed7ecb9a92b701688d17ea9c15e4f7');
INSERT INTO "mlops_audit" VALUES(6,'2026-11-21 10:04:25.291405','sam','scientist','cli','register','risk','risk/2','','{"author": "sam", "created_at": "2026-11-21T10:04:25.286764+00:00", "data_digest": "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "experiment_id": "1", "id": 2, "metric": "roc_auc", "metrics": {"log_loss": 0.3, "roc_auc": 0.9}, "mlflow_version": null, "model_digest": "sha256:0000000000000000000000000000000000000000000000000000000000000002", "model_id": "m-00000000000000000000000000000002", "model_uri": "models:/m-00000000000000000000000000000002", "name": "risk", "number": 2, "ref": "risk/2", "run_id": "00000000000000000000000000000002", "stage": "candidate", "task": "classification"}','d2b1431bd31fa110a77ea4d0bbd891c653ed7ecb9a92b701688d17ea9c15e4f7','4ec59804fd2963a277fd71d0c1c260b8901fcd06247ac95e7f1cd5747ae8fd44');
INSERT INTO "mlops_audit" VALUES(7,'2026-11-21 10:04:25.292635','sam','scientist','cli','attach report','risk','risk/2','','{"digest": "sha256:shap2", "kind": "shap", "schema": "1", "uri": "runs:/00000000000000000000000000000002/shap.html"}','4ec59804fd2963a277fd71d0c1c260b8901fcd06247ac95e7f1cd5747ae8fd44','0ea41b652bd30c35812451b5f06daa5ae80cef8fed8255afdd348d8a97c2b903');
INSERT INTO "mlops_audit" VALUES(8,'2026-11-21 10:04:25.293682','sam','scientist','cli','attach report','risk','risk/2','','{"digest": "sha256:lime2", "kind": "lime", "schema": "1", "uri": "runs:/00000000000000000000000000000002/lime.html"}','0ea41b652bd30c35812451b5f06daa5ae80cef8fed8255afdd348d8a97c2b903','fa7d978106829e4825fb9bf44e892347242614c411d5b318d0dd604af6f1da52');
INSERT INTO "mlops_audit" VALUES(9,'2026-11-21 10:04:25.304157','rita','releaser','ci','promote','risk','risk/2','','{"from": "candidate", "model_digest": "sha256:0000000000000000000000000000000000000000000000000000000000000002", "replaced": null, "to": "staging", "verdicts": [{"code": "G001", "needed": "a value of the metric it was chosen by", "observed": "log_loss 0.3, roc_auc 0.9", "outcome": "passed", "reason": "", "title": "metrics recorded"}, {"code": "G002", "needed": "the model''s inputs and outputs", "observed": "logged", "outcome": "passed", "reason": "", "title": "signature"}, {"code": "G003", "needed": "a few rows to try the model with", "observed": "logged", "outcome": "passed", "reason": "", "title": "input example"}, {"code": "G004", "needed": "the digest of the data it learned from", "observed": "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "outcome": "passed", "reason": "", "title": "data digest"}, {"code": "G005", "needed": "every requirement pinned to one version", "observed": "2 of 2 requirements pinned", "outcome": "passed", "reason": "", "title": "pinned environment"}, {"code": "G006", "needed": "the digest of the model''s files", "observed": "sha256:0000000000000000000000000000000000000000000000000000000000000002", "outcome": "passed", "reason": "", "title": "model digest"}, {"code": "G007", "needed": "local, global and cohort sections, or why one was skipped", "observed": "local exact, global sampled, cohort skipped (no column with groups)", "outcome": "passed", "reason": "", "title": "SHAP report"}, {"code": "G008", "needed": "local, global and cohort sections, or why one was skipped", "observed": "local exact, global sampled, cohort skipped (no column with groups)", "outcome": "passed", "reason": "", "title": "LIME report"}]}','fa7d978106829e4825fb9bf44e892347242614c411d5b318d0dd604af6f1da52','e50c32fd69935557d7252d8db992e133a061c835f6d6a9274ab355b3ebfe2d9d');
INSERT INTO "mlops_audit" VALUES(10,'2026-11-21 10:04:25.306250','rita','releaser','ci','archive','risk','risk/1','replaced by risk/2','{"by": "risk/2", "from": "production", "to": "archived"}','e50c32fd69935557d7252d8db992e133a061c835f6d6a9274ab355b3ebfe2d9d','db810ec46ece9463ea1b3214d46525f92598c3fdf3e23be24dc8ec4708dccd63');
INSERT INTO "mlops_audit" VALUES(11,'2026-11-21 10:04:25.314399','rita','releaser','ci','promote','risk','risk/2','größer ✓','{"from": "staging", "model_digest": "sha256:0000000000000000000000000000000000000000000000000000000000000002", "replaced": "risk/1", "to": "production", "verdicts": [{"code": "G001", "needed": "a value of the metric it was chosen by", "observed": "log_loss 0.3, roc_auc 0.9", "outcome": "passed", "reason": "", "title": "metrics recorded"}, {"code": "G002", "needed": "the model''s inputs and outputs", "observed": "logged", "outcome": "passed", "reason": "", "title": "signature"}, {"code": "G003", "needed": "a few rows to try the model with", "observed": "logged", "outcome": "passed", "reason": "", "title": "input example"}, {"code": "G004", "needed": "the digest of the data it learned from", "observed": "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "outcome": "passed", "reason": "", "title": "data digest"}, {"code": "G005", "needed": "every requirement pinned to one version", "observed": "2 of 2 requirements pinned", "outcome": "passed", "reason": "", "title": "pinned environment"}, {"code": "G006", "needed": "the digest of the model''s files", "observed": "sha256:0000000000000000000000000000000000000000000000000000000000000002", "outcome": "passed", "reason": "", "title": "model digest"}, {"code": "G007", "needed": "local, global and cohort sections, or why one was skipped", "observed": "local exact, global sampled, cohort skipped (no column with groups)", "outcome": "passed", "reason": "", "title": "SHAP report"}, {"code": "G008", "needed": "local, global and cohort sections, or why one was skipped", "observed": "local exact, global sampled, cohort skipped (no column with groups)", "outcome": "passed", "reason": "", "title": "LIME report"}, {"code": "G009", "needed": "the champion''s metric, or worse by at most 0.1% of it", "observed": "roc_auc 0.9 against 0.9 of risk/1", "outcome": "passed", "reason": "", "title": "not worse than the champion"}]}','db810ec46ece9463ea1b3214d46525f92598c3fdf3e23be24dc8ec4708dccd63','7289bb821999dd793e6ad62df26938e0473a0f8205d5f25effe9b561849ebdce');
INSERT INTO "mlops_audit" VALUES(12,'2026-11-21 10:04:25.316316','sam','scientist','cli','register','fraud','fraud/1','','{"author": "sam", "created_at": "2026-11-21T10:04:25.315733+00:00", "data_digest": "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "experiment_id": "1", "id": 3, "metric": "roc_auc", "metrics": {"log_loss": 0.3, "roc_auc": 0.9}, "mlflow_version": null, "model_digest": "sha256:0000000000000000000000000000000000000000000000000000000000000003", "model_id": "m-00000000000000000000000000000003", "model_uri": "models:/m-00000000000000000000000000000003", "name": "fraud", "number": 1, "ref": "fraud/1", "run_id": "00000000000000000000000000000003", "stage": "candidate", "task": "classification"}','7289bb821999dd793e6ad62df26938e0473a0f8205d5f25effe9b561849ebdce','89dfd06295d18f95c4803083a8b0537065f1f7e88f0b7406eb71ce92a3f7478f');
INSERT INTO "mlops_audit" VALUES(13,'2026-11-21 10:04:25.317383','sam','scientist','cli','attach report','fraud','fraud/1','','{"digest": "sha256:shap1", "kind": "shap", "schema": "1", "uri": "runs:/00000000000000000000000000000003/shap.html"}','89dfd06295d18f95c4803083a8b0537065f1f7e88f0b7406eb71ce92a3f7478f','5cbdfad2a8aa6375fb9c04cf162318a1a4de04ceb18d84976426c7ee684a9897');
INSERT INTO "mlops_audit" VALUES(14,'2026-11-21 10:04:25.318337','sam','scientist','cli','attach report','fraud','fraud/1','','{"digest": "sha256:lime1", "kind": "lime", "schema": "1", "uri": "runs:/00000000000000000000000000000003/lime.html"}','5cbdfad2a8aa6375fb9c04cf162318a1a4de04ceb18d84976426c7ee684a9897','0aac1586142741f87d06bd75d31c6a85dc30ab484b7f70757dd02f68fa077a1d');
CREATE TABLE mlops_deliveries (
	id INTEGER NOT NULL, 
	webhook_id INTEGER NOT NULL, 
	message_id INTEGER NOT NULL, 
	event VARCHAR(40) NOT NULL, 
	model VARCHAR(200) NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_at DATETIME NOT NULL, 
	claimed_by VARCHAR(32), 
	claimed_until DATETIME, 
	status INTEGER, 
	error TEXT, 
	delivered_at DATETIME, 
	CONSTRAINT pk_mlops_deliveries PRIMARY KEY (id), 
	CONSTRAINT uq_mlops_deliveries_webhook_id_message_id UNIQUE (webhook_id, message_id), 
	CONSTRAINT fk_mlops_deliveries_webhook_id FOREIGN KEY(webhook_id) REFERENCES mlops_webhooks (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_mlops_deliveries_message_id FOREIGN KEY(message_id) REFERENCES mlops_outbox (id) ON DELETE RESTRICT
);
INSERT INTO "mlops_deliveries" VALUES(1,1,4,'evt_00000000000000000000000000000004','risk','delivered',1,'2026-11-21 14:40:00.000000',NULL,NULL,200,NULL,'2026-11-21 14:40:00.000000');
INSERT INTO "mlops_deliveries" VALUES(2,1,5,'evt_00000000000000000000000000000005','risk','delivered',1,'2026-11-21 14:40:00.000000',NULL,NULL,200,NULL,'2026-11-21 14:40:00.000000');
INSERT INTO "mlops_deliveries" VALUES(3,1,9,'evt_00000000000000000000000000000009','risk','delivered',1,'2026-11-21 14:40:00.000000',NULL,NULL,200,NULL,'2026-11-21 14:40:00.000000');
INSERT INTO "mlops_deliveries" VALUES(4,1,10,'evt_0000000000000000000000000000000a','risk','delivered',1,'2026-11-21 14:40:00.000000',NULL,NULL,200,NULL,'2026-11-21 14:40:00.000000');
INSERT INTO "mlops_deliveries" VALUES(5,1,11,'evt_0000000000000000000000000000000b','risk','waiting',1,'2026-11-21 14:40:00.000000',NULL,NULL,NULL,'refused',NULL);
CREATE TABLE mlops_measurements (
	id INTEGER NOT NULL, 
	version_id INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	against VARCHAR(64) NOT NULL, 
	found JSON NOT NULL, 
	author VARCHAR(200) NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_mlops_measurements PRIMARY KEY (id), 
	CONSTRAINT fk_mlops_measurements_version_id FOREIGN KEY(version_id) REFERENCES mlops_versions (id) ON DELETE RESTRICT, 
	CONSTRAINT uq_mlops_measurements_version_id_kind_against UNIQUE (version_id, kind, against)
);
CREATE TABLE mlops_outbox (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	payload JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	delivered_at DATETIME, 
	attempts INTEGER NOT NULL, 
	last_error TEXT, 
	CONSTRAINT pk_mlops_outbox PRIMARY KEY (id)
);
INSERT INTO "mlops_outbox" VALUES(1,'risk','registered','{"ref": "risk/1", "run_id": "00000000000000000000000000000001"}','2026-11-21 10:04:25.242785',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(2,'risk','report','{"ref": "risk/1", "kind": "shap", "digest": "sha256:shap1", "uri": "runs:/00000000000000000000000000000001/shap.html", "schema": "1"}','2026-11-21 10:04:25.250401',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(3,'risk','report','{"ref": "risk/1", "kind": "lime", "digest": "sha256:lime1", "uri": "runs:/00000000000000000000000000000001/lime.html", "schema": "1"}','2026-11-21 10:04:25.259782',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(4,'risk','moved','{"ref": "risk/1", "from": "candidate", "to": "staging", "audit": "368e8b85b64cacd529bff9e3a48d7c01e9c4643c9865cf27c4102ca4cf31bc9b"}','2026-11-21 10:04:25.283747',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(5,'risk','moved','{"ref": "risk/1", "from": "staging", "to": "production", "audit": "d2b1431bd31fa110a77ea4d0bbd891c653ed7ecb9a92b701688d17ea9c15e4f7"}','2026-11-21 10:04:25.286052',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(6,'risk','registered','{"ref": "risk/2", "run_id": "00000000000000000000000000000002"}','2026-11-21 10:04:25.291753',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(7,'risk','report','{"ref": "risk/2", "kind": "shap", "digest": "sha256:shap2", "uri": "runs:/00000000000000000000000000000002/shap.html", "schema": "1"}','2026-11-21 10:04:25.292877',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(8,'risk','report','{"ref": "risk/2", "kind": "lime", "digest": "sha256:lime2", "uri": "runs:/00000000000000000000000000000002/lime.html", "schema": "1"}','2026-11-21 10:04:25.293918',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(9,'risk','moved','{"ref": "risk/2", "from": "candidate", "to": "staging", "audit": "e50c32fd69935557d7252d8db992e133a061c835f6d6a9274ab355b3ebfe2d9d"}','2026-11-21 10:04:25.304524',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(10,'risk','moved','{"ref": "risk/1", "from": "production", "to": "archived", "audit": "db810ec46ece9463ea1b3214d46525f92598c3fdf3e23be24dc8ec4708dccd63"}','2026-11-21 10:04:25.306505',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(11,'risk','moved','{"ref": "risk/2", "from": "staging", "to": "production", "audit": "7289bb821999dd793e6ad62df26938e0473a0f8205d5f25effe9b561849ebdce"}','2026-11-21 10:04:25.314867',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(12,'fraud','registered','{"ref": "fraud/1", "run_id": "00000000000000000000000000000003"}','2026-11-21 10:04:25.316596',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(13,'fraud','report','{"ref": "fraud/1", "kind": "shap", "digest": "sha256:shap1", "uri": "runs:/00000000000000000000000000000003/shap.html", "schema": "1"}','2026-11-21 10:04:25.317619',NULL,0,NULL);
INSERT INTO "mlops_outbox" VALUES(14,'fraud','report','{"ref": "fraud/1", "kind": "lime", "digest": "sha256:lime1", "uri": "runs:/00000000000000000000000000000003/lime.html", "schema": "1"}','2026-11-21 10:04:25.318558',NULL,0,NULL);
CREATE TABLE mlops_reports (
	id INTEGER NOT NULL, 
	version_id INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	digest VARCHAR(128) NOT NULL, 
	uri TEXT NOT NULL, 
	schema VARCHAR(20) NOT NULL, 
	summary JSON NOT NULL, 
	author VARCHAR(200) NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_mlops_reports PRIMARY KEY (id), 
	CONSTRAINT fk_mlops_reports_version_id FOREIGN KEY(version_id) REFERENCES mlops_versions (id) ON DELETE RESTRICT, 
	CONSTRAINT uq_mlops_reports_version_id_kind_digest UNIQUE (version_id, kind, digest)
);
INSERT INTO "mlops_reports" VALUES(1,1,'shap','sha256:shap1','runs:/00000000000000000000000000000001/shap.html','1','{"sections": {"local": {"state": "exact"}, "global": {"state": "sampled"}, "cohort": {"state": "skipped", "why": "no column with groups"}}}','sam','2026-11-21 10:04:25.249088');
INSERT INTO "mlops_reports" VALUES(2,1,'lime','sha256:lime1','runs:/00000000000000000000000000000001/lime.html','1','{"sections": {"local": {"state": "exact"}, "global": {"state": "sampled"}, "cohort": {"state": "skipped", "why": "no column with groups"}}}','sam','2026-11-21 10:04:25.250883');
INSERT INTO "mlops_reports" VALUES(3,2,'shap','sha256:shap2','runs:/00000000000000000000000000000002/shap.html','1','{"sections": {"local": {"state": "exact"}, "global": {"state": "sampled"}, "cohort": {"state": "skipped", "why": "no column with groups"}}}','sam','2026-11-21 10:04:25.292230');
INSERT INTO "mlops_reports" VALUES(4,2,'lime','sha256:lime2','runs:/00000000000000000000000000000002/lime.html','1','{"sections": {"local": {"state": "exact"}, "global": {"state": "sampled"}, "cohort": {"state": "skipped", "why": "no column with groups"}}}','sam','2026-11-21 10:04:25.293276');
INSERT INTO "mlops_reports" VALUES(5,3,'shap','sha256:shap1','runs:/00000000000000000000000000000003/shap.html','1','{"sections": {"local": {"state": "exact"}, "global": {"state": "sampled"}, "cohort": {"state": "skipped", "why": "no column with groups"}}}','sam','2026-11-21 10:04:25.317018');
INSERT INTO "mlops_reports" VALUES(6,3,'lime','sha256:lime1','runs:/00000000000000000000000000000003/lime.html','1','{"sections": {"local": {"state": "exact"}, "global": {"state": "sampled"}, "cohort": {"state": "skipped", "why": "no column with groups"}}}','sam','2026-11-21 10:04:25.318008');
CREATE TABLE mlops_requests (
	id INTEGER NOT NULL, 
	version_id INTEGER NOT NULL, 
	goal VARCHAR(20) NOT NULL, 
	author VARCHAR(200) NOT NULL, 
	reason TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	model_digest VARCHAR(128) NOT NULL, 
	verdict_digest VARCHAR(64) NOT NULL, 
	policy_digest VARCHAR(64) NOT NULL, 
	closed_at DATETIME, 
	outcome VARCHAR(20), 
	CONSTRAINT pk_mlops_requests PRIMARY KEY (id), 
	CONSTRAINT fk_mlops_requests_version_id FOREIGN KEY(version_id) REFERENCES mlops_versions (id) ON DELETE RESTRICT
);
CREATE TABLE mlops_tenures (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	version_id INTEGER NOT NULL, 
	since DATETIME NOT NULL, 
	until DATETIME, 
	entered VARCHAR(20) NOT NULL, 
	"left" VARCHAR(20), 
	author VARCHAR(200) NOT NULL, 
	reason TEXT NOT NULL, 
	before_id INTEGER, 
	CONSTRAINT pk_mlops_tenures PRIMARY KEY (id), 
	CONSTRAINT fk_mlops_tenures_version_id FOREIGN KEY(version_id) REFERENCES mlops_versions (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_mlops_tenures_before_id FOREIGN KEY(before_id) REFERENCES mlops_tenures (id) ON DELETE RESTRICT
);
INSERT INTO "mlops_tenures" VALUES(1,'risk',1,'2026-11-21 10:04:25.285679','2026-11-21 10:04:25.306250','promote','replaced','rita','',NULL);
INSERT INTO "mlops_tenures" VALUES(2,'risk',2,'2026-11-21 10:04:25.314399',NULL,'promote',NULL,'rita','größer ✓',1);
CREATE TABLE mlops_tokens (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	label VARCHAR(100) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	hint VARCHAR(16) NOT NULL, 
	scopes JSON, 
	author VARCHAR(200) NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME, 
	revoked_at DATETIME, 
	last_used_at DATETIME, 
	CONSTRAINT pk_mlops_tokens PRIMARY KEY (id), 
	CONSTRAINT uq_mlops_tokens_digest UNIQUE (digest), 
	CONSTRAINT fk_mlops_tokens_user_id FOREIGN KEY(user_id) REFERENCES mlops_users (id) ON DELETE RESTRICT
);
INSERT INTO "mlops_tokens" VALUES(1,2,'nightly','144b4d649aa4a88d440476f11f359b404cef2a7e17a5e4dac8a4a62df9c673ec','mlops_Zm9v','["promote"]','ada','2026-11-21 14:40:00.000000','2099-01-01 00:00:00.000000',NULL,NULL);
INSERT INTO "mlops_tokens" VALUES(2,3,'old','187e01aac1e7ad25289a9632d748f9a3452b73567164bdc29c230b5d98327536','mlops_YmFy',NULL,'ada','2026-11-21 14:40:00.000000',NULL,'2026-11-21 14:40:00.000000','2026-11-21 14:40:00.000000');
CREATE TABLE mlops_users (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	role VARCHAR(40) NOT NULL, 
	author VARCHAR(200) NOT NULL, 
	created_at DATETIME NOT NULL, 
	deactivated_at DATETIME, 
	last_seen_at DATETIME, 
	CONSTRAINT pk_mlops_users PRIMARY KEY (id), 
	CONSTRAINT uq_mlops_users_name UNIQUE (name)
);
INSERT INTO "mlops_users" VALUES(1,'ada','admin','ada','2026-11-21 14:40:00.000000',NULL,'2026-11-21 14:40:00.000000');
INSERT INTO "mlops_users" VALUES(2,'rita','releaser','ada','2026-11-21 14:40:00.000000',NULL,NULL);
INSERT INTO "mlops_users" VALUES(3,'olaf','scientist','ada','2026-11-21 14:40:00.000000','2026-11-21 14:40:00.000000','2026-11-21 14:40:00.000000');
CREATE TABLE mlops_validations (
	id INTEGER NOT NULL, 
	version_id INTEGER NOT NULL, 
	goal VARCHAR(20) NOT NULL, 
	passed BOOLEAN NOT NULL, 
	verdicts JSON NOT NULL, 
	obstacles JSON NOT NULL, 
	champion VARCHAR(300), 
	model_digest VARCHAR(128) NOT NULL, 
	verdict_digest VARCHAR(64) NOT NULL, 
	policy_digest VARCHAR(64) NOT NULL, 
	author VARCHAR(200) NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_mlops_validations PRIMARY KEY (id), 
	CONSTRAINT fk_mlops_validations_version_id FOREIGN KEY(version_id) REFERENCES mlops_versions (id) ON DELETE RESTRICT
);
CREATE TABLE mlops_versions (
	id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	number INTEGER NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	task VARCHAR(40) NOT NULL, 
	metric VARCHAR(100) NOT NULL, 
	metrics JSON NOT NULL, 
	run_id VARCHAR(64) NOT NULL, 
	experiment_id VARCHAR(64) NOT NULL, 
	model_id VARCHAR(64) NOT NULL, 
	model_uri TEXT NOT NULL, 
	model_digest VARCHAR(128) NOT NULL, 
	data_digest VARCHAR(128) NOT NULL, 
	author VARCHAR(200) NOT NULL, 
	created_at DATETIME NOT NULL, 
	mlflow_version VARCHAR(20), 
	evidence JSON NOT NULL, 
	CONSTRAINT pk_mlops_versions PRIMARY KEY (id), 
	CONSTRAINT uq_mlops_versions_name_number UNIQUE (name, number), 
	CONSTRAINT uq_mlops_versions_name_run_id_model_id UNIQUE (name, run_id, model_id)
);
INSERT INTO "mlops_versions" VALUES(1,'risk',1,'archived','classification','roc_auc','{"roc_auc": 0.9, "log_loss": 0.3}','00000000000000000000000000000001','1','m-00000000000000000000000000000001','models:/m-00000000000000000000000000000001','sha256:0000000000000000000000000000000000000000000000000000000000000001','sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','sam','2026-11-21 10:04:25.230775',NULL,'{"greater_is_better": true, "signature": true, "input_example": true, "requirements": ["lightgbm==4.7.0", "pandas==3.1.1"], "undefined_metrics": [], "more": {"trials": 12}}');
INSERT INTO "mlops_versions" VALUES(2,'risk',2,'production','classification','roc_auc','{"roc_auc": 0.9, "log_loss": 0.3}','00000000000000000000000000000002','1','m-00000000000000000000000000000002','models:/m-00000000000000000000000000000002','sha256:0000000000000000000000000000000000000000000000000000000000000002','sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','sam','2026-11-21 10:04:25.286764',NULL,'{"greater_is_better": true, "signature": true, "input_example": true, "requirements": ["lightgbm==4.7.0", "pandas==3.1.1"], "undefined_metrics": [], "more": {"trials": 12}}');
INSERT INTO "mlops_versions" VALUES(3,'fraud',1,'candidate','classification','roc_auc','{"roc_auc": 0.9, "log_loss": 0.3}','00000000000000000000000000000003','1','m-00000000000000000000000000000003','models:/m-00000000000000000000000000000003','sha256:0000000000000000000000000000000000000000000000000000000000000003','sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','sam','2026-11-21 10:04:25.315733',NULL,'{"greater_is_better": true, "signature": true, "input_example": true, "requirements": ["lightgbm==4.7.0", "pandas==3.1.1"], "undefined_metrics": [], "more": {"trials": 12}}');
CREATE TABLE mlops_webhooks (
	id INTEGER NOT NULL, 
	url TEXT NOT NULL, 
	models VARCHAR(200) NOT NULL, 
	kinds JSON NOT NULL, 
	secret TEXT NOT NULL, 
	author VARCHAR(200) NOT NULL, 
	created_at DATETIME NOT NULL, 
	removed_at DATETIME, 
	CONSTRAINT pk_mlops_webhooks PRIMARY KEY (id)
);
INSERT INTO "mlops_webhooks" VALUES(1,'https://hooks.example.org/mlops','risk*','["moved"]','sealed:f77c23a3:gAAAAABrAgzZhc1OAhA3XLLgbBjrhGoKh1MdfpXxV5DQTW0BcSKFTwBY2IwJ6LUICUzEs0WrSEIqKQeJEzYixipRPz7S3q-bdNPUIYggCxqoKkW-MJnUAdu603OaSRjarOSd1v_eVdqe','ada','2026-11-21 14:40:00.000000',NULL);
CREATE INDEX ix_mlops_versions_name_id ON mlops_versions (name, id);
CREATE INDEX ix_mlops_versions_name_stage ON mlops_versions (name, stage);
CREATE INDEX ix_mlops_versions_model_id ON mlops_versions (model_id);
CREATE UNIQUE INDEX uq_mlops_versions_one_in_production ON mlops_versions (name) WHERE stage = 'production';
CREATE INDEX ix_mlops_audit_model_number ON mlops_audit (model, number);
CREATE INDEX ix_mlops_outbox_waiting ON mlops_outbox (name, id) WHERE delivered_at IS NULL;
CREATE TRIGGER mlops_audit_no_update BEFORE UPDATE ON mlops_audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER mlops_audit_no_delete BEFORE DELETE ON mlops_audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER mlops_audit_no_replace BEFORE INSERT ON mlops_audit
    WHEN EXISTS (
        SELECT 1 FROM mlops_audit
        WHERE number = NEW.number OR previous = NEW.previous OR digest = NEW.digest
    )
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE UNIQUE INDEX uq_mlops_requests_one_open ON mlops_requests (version_id, goal) WHERE closed_at IS NULL;
CREATE INDEX ix_mlops_validations_version_id_id ON mlops_validations (version_id, id);
CREATE INDEX ix_mlops_tenures_name_id ON mlops_tenures (name, id);
CREATE INDEX ix_mlops_tenures_name_since ON mlops_tenures (name, since);
CREATE UNIQUE INDEX uq_mlops_tenures_one_present ON mlops_tenures (name) WHERE until IS NULL;
CREATE INDEX ix_mlops_tokens_user_id ON mlops_tokens (user_id);
CREATE INDEX ix_mlops_deliveries_queue ON mlops_deliveries (webhook_id, model, id) WHERE state = 'waiting';
CREATE INDEX ix_mlops_deliveries_webhook_id_id ON mlops_deliveries (webhook_id, id);
CREATE INDEX ix_mlops_deliveries_state_id ON mlops_deliveries (state, id);
CREATE INDEX ix_mlops_audit_subject_number ON mlops_audit (subject, number);
CREATE INDEX ix_mlops_audit_actor_number ON mlops_audit (actor, number);
CREATE INDEX ix_mlops_audit_action_number ON mlops_audit (action, number);
CREATE INDEX ix_mlops_audit_at_number ON mlops_audit (at, number);
CREATE INDEX ix_mlops_audit_model_action_number ON mlops_audit (model, action, number);
CREATE INDEX ix_mlops_versions_run_id_id ON mlops_versions (run_id, id);
CREATE INDEX ix_mlops_versions_experiment_id_id ON mlops_versions (experiment_id, id);
COMMIT;
