-- Generation in full: acceptance criteria beside the requirement, a folder for what is accepted, test cases that say
-- nearly the same as a draft, whether somebody edited a draft, and further steps suggested for one test case.

-- `case_key`: further steps were asked for, of this case; NULL: test cases were. `folder_id`: where accepted drafts go.
ALTER TABLE generation
    ADD COLUMN criteria  text NOT NULL DEFAULT '' CHECK (length(criteria) <= 20000),
    ADD COLUMN folder_id bigint,
    ADD COLUMN case_key  text COLLATE "C",
    ADD FOREIGN KEY (org_id, project_id, folder_id)
        REFERENCES case_folder (org_id, project_id, folder_id) ON DELETE SET NULL (folder_id),
    ADD FOREIGN KEY (org_id, case_key) REFERENCES test_case (org_id, key) ON DELETE CASCADE;

-- `twin_key` says nearly the same, by `likeness` percent, and may be gone again. `after_step`: the number of the step a
-- suggested one follows, as the case stood.
ALTER TABLE draft_case
    ADD COLUMN twin_key   text COLLATE "C",
    ADD COLUMN likeness   integer CHECK (likeness BETWEEN 0 AND 100),
    ADD COLUMN after_step integer CHECK (after_step >= 0),
    ADD COLUMN edited     boolean NOT NULL DEFAULT false,
    ADD CHECK ((twin_key IS NULL) = (likeness IS NULL));

-- The newest suggestions for a case.
CREATE INDEX generation_case ON generation (org_id, case_key, generation_id DESC) WHERE case_key IS NOT NULL;

-- Drafts of a folder that is removed.
CREATE INDEX generation_folder ON generation (org_id, project_id, folder_id) WHERE folder_id IS NOT NULL;

COMMENT ON COLUMN generation.criteria   IS 'Acceptance criteria pasted beside the requirement';
COMMENT ON COLUMN generation.folder_id  IS 'Folder for accepted drafts';
COMMENT ON COLUMN generation.case_key   IS 'Test case that further steps were asked for';
COMMENT ON COLUMN draft_case.twin_key   IS 'Test case that says nearly the same';
COMMENT ON COLUMN draft_case.likeness   IS 'How much the two share, in percent';
COMMENT ON COLUMN draft_case.after_step IS 'Number of the step a suggested step follows';
COMMENT ON COLUMN draft_case.edited     IS 'Whether it was edited before it was accepted';
