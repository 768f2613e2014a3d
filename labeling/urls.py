"""Winnow's pages and API."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from django.views.i18n import set_language

from labeling.api.summary import project_summary
from labeling.views import (
    account,
    adapters,
    audits,
    charts,
    correction,
    data,
    gold,
    guideline,
    home,
    jobs,
    judge,
    people,
    project,
    qualification,
    rounds,
    shelf,
    work,
)
from labeling.views import settings as settings_view

urlpatterns = [
    path("", home.home, name="home"),
    path("healthz", home.health, name="health"),
    path("styleguide", home.styleguide, name="styleguide"),
    path("accounts/login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("account/", account.account, name="account"),
    path("language/", login_not_required(set_language), name="set_language"),
    path("p/<slug:slug>/", project.project, name="project"),
    path("p/<slug:slug>/judge/", judge.judge, name="judge"),
    path("p/<slug:slug>/judge/skip/", judge.skip, name="skip"),
    path("p/<slug:slug>/judge/undo/", judge.undo, name="undo"),
    path("p/<slug:slug>/training/", qualification.training, name="training"),
    path("p/<slug:slug>/judge/keep/", judge.keep, name="keep"),
    path("p/<slug:slug>/judge/leave/", judge.leave, name="leave"),
    path("p/<slug:slug>/judge/correct/<int:number>/", correction.correct, name="correct"),
    path("p/<slug:slug>/shelf/keep/", shelf.keep, name="shelf-keep"),
    path("p/<slug:slug>/work/", work.work, name="work"),
    path("p/<slug:slug>/audit/", audits.audit, name="audit"),
    path("p/<slug:slug>/audit/skip/", audits.audit_skip, name="audit-skip"),
    path("p/<slug:slug>/audit/note/", audits.audit_note, name="audit-note"),
    path("p/<slug:slug>/audits/", audits.audits, name="audits"),
    path("p/<slug:slug>/audits/<int:number>/", audits.audit_verdicts, name="verdicts"),
    path("p/<slug:slug>/rounds/", rounds.rounds, name="rounds"),
    path("p/<slug:slug>/guideline/", guideline.guideline, name="guideline"),
    path("p/<slug:slug>/gold/", gold.gold, name="gold"),
    path("p/<slug:slug>/people/", people.people, name="people"),
    path("p/<slug:slug>/adapters/", adapters.adapters, name="adapters"),
    path("p/<slug:slug>/adapters/learning-curve.svg", charts.learning_curve, name="learning-curve"),
    path("p/<slug:slug>/adapters/<int:number>/", adapters.adapter, name="adapter"),
    path("p/<slug:slug>/adapters/<int:number>/promote/", adapters.promote, name="promote"),
    path("p/<slug:slug>/jobs/", jobs.jobs, name="jobs"),
    path("p/<slug:slug>/jobs/<int:job_id>/", jobs.job, name="job"),
    path("p/<slug:slug>/jobs/<int:job_id>/cancel/", jobs.cancel, name="cancel"),
    path("p/<slug:slug>/data/", data.data, name="data"),
    path("p/<slug:slug>/settings/", settings_view.settings, name="settings"),
    path("api/projects/<slug:slug>/summary", project_summary, name="summary"),
]
